"""A run.json with values that no run writes is one sentence of each command that reads it."""

import json
from pathlib import Path

import pytest
from sample_command import distilbench

from bench.record.run_file import read_run
from materials.errors import RequestError

RUN = Path(__file__).parents[3] / "results" / "glue" / "stsb" / "run.json"
CLASSES = Path(__file__).parents[3] / "results" / "zero-shot-news-nli" / "run.json"


def changed(folder, source, change):
    content = json.loads(source.read_text(encoding="utf-8"))
    change(content)
    (folder / "run.json").write_text(json.dumps(content))
    return folder


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("model", value) for value in (None, 1, ["a"], "\ud800")),
        *(("status", value) for value in ("fine", None)),
        *(("role", value) for value in ("pupil", [])),
        *(("modality", value) for value in ("sound", {})),
        *(("latency_p50_ms", value) for value in ("1", [1], True, 10**400)),
        *(("f1_per_class", value) for value in ([], [0.5], ["a"] * 4, "abcd")),
        *(("confusion_matrix", value) for value in ([], [[1]], [[1, 2, 3, "4"]] * 4, [[1] * 4] * 3, 1)),
        *(("label_names", value) for value in ("abcd", [1, 2, 3, 4], ["a"])),
        *(("sweep", value) for value in ([1], [{"batch_size": 1}], {"a": 1})),
        *(("scores", value) for value in ({"a": 1}, [1], {"a": {"value": "1"}})),
    ],
)
def test_odd_value_of_a_row_is_one_sentence(tmp_path, name, value):
    folder = changed(tmp_path, CLASSES, lambda content: content["rows"][0].update({name: value}))
    with pytest.raises(RequestError, match=r"run\.json is no run file, or damaged") as caught:
        read_run(folder)
    assert "\n" not in str(caught.value)


CHANGES = {
    "no processor": lambda content: content.update(machine={}),
    "labelling of nothing": lambda content: content.update(labelling=[{"seed": "a"}, {}]),
    "no rows": lambda content: content.update(rows=[], groups=[]),
    "odd recipe": lambda content: content.update(recipe={"students": [{"or_else": 1}], "data": "a", "sweep": 1}),
}


def ends_well(*arguments):
    """Whether a command does its work, or refuses in one line."""
    try:
        distilbench(*arguments)
    except RequestError as error:
        return "\n" not in str(error)
    return True


@pytest.mark.parametrize("change", CHANGES)
def test_odd_value_of_a_group_that_only_its_readers_know_is_one_sentence_at_most(tmp_path, change):
    folder = changed(tmp_path, RUN, CHANGES[change])
    for command in (("show", folder), ("recommend", folder), ("compare", folder, RUN), ("compare", RUN, folder)):
        assert ends_well(*command)


def test_odd_value_is_told_with_its_kind(tmp_path):
    folder = changed(tmp_path, RUN, lambda content: content.update(machine={}))
    with pytest.raises(
        RequestError, match=r"no table can be made of .*run\.json: a value is odd or missing \(KeyError"
    ):
        distilbench("show", folder)


def test_deep_run_file_is_one_sentence(tmp_path):
    (tmp_path / "run.json").write_text("[" * 100_000)
    with pytest.raises(RequestError, match=r"run\.json is damaged"):
        distilbench("show", tmp_path)


@pytest.mark.parametrize("name", ["rows", "groups", "labelling", "impossible", "leaks"])
@pytest.mark.parametrize("value", ["long" * 9, {"a": 1}, 1, None])
def test_what_stands_for_a_list_of_a_run_is_one_sentence(tmp_path, name, value):
    folder = changed(tmp_path, CLASSES, lambda content: content.update({name: value}))
    with pytest.raises(RequestError, match=r"run\.json is no run file, or damaged"):
        read_run(folder)
