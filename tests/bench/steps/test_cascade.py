"""Students in front of their teacher, from a run's table to a bundle's predictions."""

import json

import numpy as np
import pytest
from sample_command import distilbench

from bench.commands.run import RunRequest, run_recipe
from bench.commands.show import show_run
from bench.record.run_file import read_run
from export.predictor import Predictor
from materials.splits.store import load_splits


@pytest.fixture(scope="module")
def with_cascade(tiny_recipe, cache, finished, tmp_path_factory):
    """The run folder of the tiny recipe with a wish that 24 validation rows can prove."""
    output = tmp_path_factory.mktemp("cascade")
    learned = ("students.0.epochs=15", "students.0.transfer_epochs=15")
    overrides = ("cascade_agreement=0.51", "measuring.seconds=0.1", *learned)
    request = RunRequest(recipe=str(tiny_recipe), flags={}, overrides=overrides, output=output, fresh=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DISTILBENCH_CACHE", str(cache))
        assert run_recipe(request, dry_run=False) == 0
    return output


def cascades(folder):
    return [row for row in read_run(folder).rows if row.cascade]


def test_thresholds_are_those_of_students_and_mean_time_counts_the_teacher_for_the_rest(with_cascade):
    rows, run = cascades(with_cascade), read_run(with_cascade)
    assert rows
    assert all(row.role == "student" for row in rows)
    fastest = min(row.end_to_end_latency_p50_ms for row in run.rows if row.role == "teacher")
    for row in rows:
        expected = row.end_to_end_latency_p50_ms + (1 - row.cascade.share) * fastest
        assert row.cascade.mean_ms == pytest.approx(expected)
        assert 0 <= row.cascade.share <= 1
        assert row.cascade.wished == 0.51


def test_bundle_carries_its_threshold_and_predict_marks_what_is_under_it(with_cascade, capsys):
    row = next(row for row in cascades(with_cascade) if row.format == "onnx")
    bundle = with_cascade / row.bundle
    assert json.loads((bundle / "bundle.json").read_text())["sure_from"] == row.cascade.threshold
    record = json.loads((bundle / "bundle.json").read_text())
    (bundle / "bundle.json").write_text(json.dumps({**record, "sure_from": 2.0}))
    assert all(prediction.is_unsure for prediction in Predictor(bundle).predict(["a film", "good"]))
    marked = distilbench("predict", bundle, "a film").output
    (bundle / "bundle.json").write_text(json.dumps({**record, "sure_from": 0.0}))
    assert not any(prediction.is_unsure for prediction in Predictor(bundle).predict(["a film", "good"]))
    assert marked.endswith("unsure: ask the teacher")
    assert "unsure" not in distilbench("predict", bundle, "a film").output
    (bundle / "bundle.json").write_text(json.dumps(record))


@pytest.mark.parametrize("format", ["rich", "markdown", "json"])
def test_table_of_cascades_shows_every_threshold(format, with_cascade, capsys):
    show_run(with_cascade, format, cascade=True)
    shown = capsys.readouterr().out
    assert all(row.model.split()[0] in shown for row in cascades(with_cascade))
    if format == "markdown":
        assert "an agreement of 51% at 95 % (Clopper-Pearson, one-sided, " in shown


def test_run_without_a_threshold_says_why(finished, capsys):
    show_run(finished, "markdown", cascade=True)
    assert "no student has a threshold: too few validation rows" in capsys.readouterr().out


def test_a_cascade_within_a_mean_time_is_recommended(with_cascade):
    answer = distilbench("recommend", with_cascade, "--max-mean-ms", 10_000)
    assert answer.code == 0
    assert "ask the teacher where it is less sure than" in answer.output
    assert distilbench("recommend", with_cascade, "--max-mean-ms", 1e-9).code == 1


def test_thresholds_see_no_test_row(with_cascade, cache):
    stages = [folder for folder in (cache / "stages" / "validation").iterdir() if folder.is_dir()]
    sizes = {
        len(load_splits(folder).validation) for folder in (cache / "stages" / "splits").iterdir() if folder.is_dir()
    }

    assert stages
    assert {len(np.load(folder / "outputs.npy")) for folder in stages} <= sizes
