import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sample_command import distilbench

from bench.record.run_file import read_run
from bench.reports.differences import DIFFERENCES, find_differences
from bench.reports.layout import change_in_points
from materials.errors import RequestError


@pytest.fixture
def run_of(finished, tmp_path):
    """A function that gives the finished run with the first student's predictions replaced by a share of right ones."""

    def build(alone, distilled):
        frame = pd.concat([pd.read_parquet(finished / "predictions.parquet")] * 10, ignore_index=True)
        generator = np.random.default_rng(0)
        models = [title for title in frame["model"].unique() if title.startswith("linear")]
        for title in models:
            model_rows = frame["model"] == title
            right = generator.random(model_rows.sum()) < (alone if title == "linear hard" else distilled)
            label = frame.loc[model_rows, "label"].to_numpy()
            frame.loc[model_rows, "logit_0"] = np.where(right, 1 - label, label).astype(float)
            frame.loc[model_rows, "logit_1"] = np.where(right, label, 1 - label).astype(float)
        frame.to_parquet(tmp_path / "predictions.parquet")
        (tmp_path / "run.json").write_bytes((finished / "run.json").read_bytes())
        return find_differences(read_run(tmp_path), tmp_path)

    return build


def test_every_distilled_student_is_compared_with_itself_alone(finished):
    differences = find_differences(read_run(finished), finished)
    assert differences
    for difference in differences:
        assert difference.base == f"{difference.model.split()[0]} hard"
        assert difference.model != difference.base
        assert difference.low <= difference.headline <= difference.high
        assert 0 <= difference.believed_better <= 1


@pytest.mark.parametrize(
    ("share", "text"), [(0.0123, "+1.2"), (-0.0004, "-0.04"), (0.00003, "+0.003"), (0.0, "+0.0"), (-0.005, "-0.5")]
)
def test_difference_that_is_not_zero_never_reads_as_zero(share, text):
    assert change_in_points(share) == text


def test_clear_difference_is_found_and_none_is_made_up(run_of):
    better = next(difference for difference in run_of(0.6, 0.95) if difference.model.startswith("linear"))
    assert (better.verdict, better.mcnemar_p < 0.01, better.believed_better > 0.99) == ("better", True, True)
    worse = next(difference for difference in run_of(0.95, 0.6) if difference.model.startswith("linear"))
    assert (worse.verdict, worse.believed_better < 0.01) == ("worse", True)
    equal = next(difference for difference in run_of(0.8, 0.8) if difference.model.startswith("linear"))
    assert equal.verdict == "unclear"


def test_every_model_is_compared_with_one_that_is_named(finished):
    run = read_run(finished)
    differences = find_differences(run, finished, against="teacher")
    assert {difference.model for difference in differences} == {row.model for row in run.rows} - {"teacher"}
    with pytest.raises(RequestError, match=r"unknown model 'teachr'; did you mean 'teacher'\?"):
        find_differences(run, finished, against="teachr")


def test_failed_file_is_not_judged_by_its_predictions(finished):
    run = read_run(finished)
    model = find_differences(run, finished)[0].model
    rows = [replace(row, status="failed") if (row.model, row.format) == (model, "onnx") else row for row in run.rows]
    differences = find_differences(replace(run, rows=tuple(rows)), finished)
    formats = {difference.model: difference.format for difference in differences}
    assert formats.get(model) != "onnx"


def test_models_that_no_recipe_made_have_no_seed_and_are_compared_all_the_same(finished, tmp_path):
    run = read_run(finished)
    frame = pd.read_parquet(finished / "predictions.parquet").assign(seed=pd.NA)
    frame.astype({"seed": "Int64"}).to_parquet(tmp_path / "predictions.parquet")
    foreign = replace(run, rows=tuple(replace(row, seed=None, role="foreign") for row in run.rows))
    assert find_differences(foreign, tmp_path, against="teacher")


def test_run_without_predictions_is_refused(finished, tmp_path):
    (tmp_path / "run.json").write_bytes((finished / "run.json").read_bytes())
    with pytest.raises(RequestError, match="keeps no predictions of labelled rows to compare; run its recipe again"):
        find_differences(read_run(tmp_path), tmp_path)


@pytest.mark.parametrize("format", DIFFERENCES)
def test_command_shows_them_in_every_format(finished, format):
    text = re.sub(r"\x1b\[[0-9;]*m", "", distilbench("show", finished, "--significance", "--format", format).output)
    assert text.count("linear hard") >= 1
    if format == "json":
        assert {"believed_better", "mcnemar_p", "verdict"} <= set(json.loads(text)[0])


def test_table_is_kept_in_the_run_folder(finished):
    text = (finished / "significance.md").read_text()
    assert "are the differences real?" in text
    assert "Caelen 2017" in text


def test_tables_of_their_own_are_not_asked_for_at_once(finished):
    with pytest.raises(RequestError, match="ask for one of them"):
        distilbench("show", finished, "--significance", "--classes")
