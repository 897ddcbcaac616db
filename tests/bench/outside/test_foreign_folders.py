"""A model folder of transformers of each task: measured, exported, verified, compared, and a teacher."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from sample_command import distilbench
from sample_models import save_tiny_bert
from sample_tasks import TOPICS, labels_file, numbers_file, pairs_file

from bench.record.run_file import read_run
from export.bundle import read_bundle
from export.foreign import open_model

RECIPE = """
name: theirs
data: {{train: {data}, task: {task}{pair}}}
teacher: {{weights: {folder}, max_length_tokens: 48, formats: [eager, onnx]}}
students: [{{architecture: linear, dimensions: 8, epochs: 2, settings: {{buckets: 50}}}}]
objectives: [{{name: hard}}, {{name: logits}}]
formats: [eager]
speed_seeds: 0
"""


@dataclass(frozen=True, kw_only=True)
class Theirs:
    """Somebody's model folder, rows for it, and the options that name the columns of these."""

    task: str
    headline: str
    folder: Path
    data: Path
    options: tuple[str, ...] = ()


@pytest.fixture(scope="module", params=["pairs", "numbers", "labels"])
def theirs(request, tmp_path_factory):
    root, kind = tmp_path_factory.mktemp(request.param), request.param
    problem, names = {
        "pairs": ("single_label_classification", ("bad", "good")),
        "numbers": ("regression", ("LABEL_0",)),
        "labels": ("multi_label_classification", ("bad", "good", *TOPICS)),
    }[kind]
    folder = save_tiny_bert(root / "folder", label_names=names)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "problem_type": problem}))
    write, suffix = {
        "pairs": (pairs_file, "csv"),
        "numbers": (numbers_file, "csv"),
        "labels": (labels_file, "jsonl"),
    }[kind]
    task, headline = {
        "pairs": ("single-label", "macro_f1"),
        "numbers": ("regression", "spearman"),
        "labels": ("multi-label", "macro_f1"),
    }[kind]
    options = ("--text", "premise", "--text-pair", "hypothesis") if kind == "pairs" else ()
    data = write(root / f"rows.{suffix}", 120)
    return Theirs(task=task, headline=headline, folder=folder, data=data, options=options)


@pytest.fixture(scope="module")
def exported(theirs, tmp_path_factory):
    """The bundles of the folder."""
    output = tmp_path_factory.mktemp("exported") / "out"
    rows = ("--quantize-data", theirs.data, *theirs.options)
    assert distilbench("export", theirs.folder, "--to", "eager,onnx", "--output", output, *rows).code == 0
    return output


def test_bundle_says_the_task_and_passes_its_gate(theirs, exported):
    for format in ("eager", "onnx"):
        bundle = read_bundle(exported / format)
        assert (bundle.task.name, bundle.modality) == (theirs.task, "pair" if theirs.options else "text")
        assert bundle.parity["status"] in ("reference", "passed")


def test_token_types_are_an_input_of_a_model_of_pairs(theirs, exported):
    names = [graph_input.name for graph_input in read_bundle(exported / "onnx").inputs]
    assert ("token_type_ids" in names) == bool(theirs.options)


def test_folder_and_bundle_are_measured_side_by_side(theirs, exported, tmp_path):
    rows = ("--data", theirs.data, *theirs.options)
    quick = ("--scenarios", "single-stream", "--seconds", "0.02")
    answer = distilbench("measure", theirs.folder, exported / "onnx", *rows, *quick, "--output", tmp_path / "run")
    assert answer.code == 0
    folder_row, bundle_row = read_run(tmp_path / "run").rows
    assert folder_row.task == bundle_row.task == theirs.task
    assert folder_row.score(theirs.headline).value == pytest.approx(bundle_row.score(theirs.headline).value, abs=1e-3)


def test_bundle_is_verified_against_the_folder_it_was_made_from(theirs, exported):
    rows = ("--data", theirs.data, *theirs.options)
    assert distilbench("verify", exported / "onnx").code == 0
    assert distilbench("verify", exported / "onnx", "--against", theirs.folder, *rows).code == 0


def test_file_in_the_folder_s_subfolder_keeps_its_task(theirs, exported, tmp_path):
    """As models lie on the Hub: config.json and tokenizer.json above onnx/model.onnx."""
    hub = tmp_path / "hub"
    (hub / "onnx").mkdir(parents=True)
    for name in ("config.json", "tokenizer.json"):
        (hub / name).write_bytes((theirs.folder / name).read_bytes())
    (hub / "onnx" / "model.onnx").write_bytes((exported / "onnx" / "model.onnx").read_bytes())
    for place in (hub, hub / "onnx" / "model.onnx"):
        assert open_model(place).task.name == theirs.task


def test_folder_is_a_teacher_as_it_is(theirs, tmp_path, monkeypatch):
    monkeypatch.setenv("DISTILBENCH_CACHE", str(tmp_path / "cache"))
    pair = ", text: premise, text_pair: hypothesis" if theirs.options else ""
    recipe = RECIPE.format(data=theirs.data, task=theirs.task, pair=pair, folder=theirs.folder)
    (tmp_path / "recipe.yaml").write_text(recipe)
    answer = distilbench("run", tmp_path / "recipe.yaml", "--output", tmp_path / "run")
    assert answer.code == 0
    assert "the teacher is fine-tuned already and used as it is" in answer.notices
    rows = read_run(tmp_path / "run").rows
    assert [row.model for row in rows] == ["teacher", "teacher", "linear hard", "linear logits"]
    assert {row.status for row in rows} == {"ok"}
    assert all(row.headline_metric.name == theirs.headline for row in rows)
