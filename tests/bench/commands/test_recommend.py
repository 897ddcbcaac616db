"""The best file within limits, and what each other one missed."""

import json
import shutil

import pandas as pd
import pytest
from sample_command import distilbench

from bench.commands.recommend import Limits, missed_limits
from bench.record.run_file import read_run
from materials.errors import RequestError

FIGURES = {
    ("teacher", "eager"): {"macro_f1": 1.0, "latency_p50_ms": 8.0, "size_bytes": 90_000_000},
    ("teacher", "onnx"): {"macro_f1": 1.0, "latency_p50_ms": 2.0, "size_bytes": 80_000_000},
    ("linear hard", "eager"): {"macro_f1": 0.7, "latency_p50_ms": 0.2, "size_bytes": 2_000_000},
    ("linear hard", "onnx"): {"macro_f1": 0.7, "latency_p50_ms": 0.1, "size_bytes": 2_000_000},
    ("linear logits+transfer", "eager"): {"macro_f1": 0.9, "latency_p50_ms": 0.4, "size_bytes": 3_000_000},
    ("linear logits+transfer", "onnx"): {"macro_f1": 0.95, "latency_p50_ms": 0.3, "size_bytes": 3_000_000},
}


def rewrite(run, chosen, **figures):
    """Rewrite figures of the row of a model and format, or of all rows."""
    content = json.loads((run / "run.json").read_text())
    for row in content["rows"]:
        if chosen in (None, (row["model"], row["format"])):
            row |= figures
    (run / "run.json").write_text(json.dumps(content))


@pytest.fixture
def run(finished, tmp_path):
    """The finished run with the figures of FIGURES; its predictions are as they were."""
    folder = tmp_path / "run"
    folder.mkdir()
    for name in ("run.json", "predictions.parquet"):
        shutil.copyfile(finished / name, folder / name)
    for chosen, figures in FIGURES.items():
        rewrite(folder, chosen, **figures, status="ok", noise=None)
    return folder


def test_best_macro_f1_wins_and_the_faster_of_equals(run):
    answer = distilbench("recommend", run)
    assert answer.code == 0
    assert f"take teacher as onnx, seed 0: {run / 'bundles/seed-0/teacher/onnx'}" in answer.output
    assert "why: the highest macro-F1 (100.0) of 6 files within all limits; p50 2 ms, 80.00 MB" in answer.output


def test_limits_leave_the_best_of_those_that_keep_them(run):
    answer = distilbench("recommend", run, "--max-p50-ms", "0.35", "--min-macro-f1", "0.65", "--max-size-mb", "2.5")
    assert answer.code == 0
    assert "take linear hard as onnx" in answer.output
    assert "4 of 6 files miss a limit" in answer.output
    for missed in ("p50 ms 8 > 0.35; MB 90 > 2.5", "p50 ms 0.4 > 0.35; MB 3 > 2.5", "MB 3 > 2.5"):
        assert missed in answer.output


def test_limit_that_nothing_keeps_exits_with_1_and_the_nearest_first(run):
    answer = distilbench("recommend", run, "--max-p50-ms", "0.15", "--min-macro-f1", "0.97")
    assert answer.code == 1
    assert "no file keeps to all limits; those that miss the fewest come first" in answer.output
    nearest = ("p50 ms 2 > 0.15", "p50 ms 8 > 0.15", "macro-F1 0.7 < 0.97", "p50 ms 0.3 > 0.15; macro-F1 0.95 < 0.97")
    places = [answer.output.index(missed) for missed in nearest]
    assert places == sorted(places)


def test_failed_row_is_never_chosen(run):
    rewrite(run, ("teacher", "onnx"), status="failed", error="labels differ")
    rewrite(run, ("teacher", "eager"), status="failed", error="logits differ")
    answer = distilbench("recommend", run)
    assert answer.code == 0
    assert "take linear logits+transfer as onnx" in answer.output
    assert "labels differ" in answer.output


def test_run_of_failed_rows_only_has_nothing_to_recommend(run):
    rewrite(run, None, status="failed", error="labels differ")
    assert distilbench("recommend", run).code == 1


def test_failed_rows_are_not_the_nearest(run):
    rewrite(run, ("teacher", "onnx"), status="failed", error="labels differ")
    answer = distilbench("recommend", run, "--max-p50-ms", "0.01", "--max-size-mb", "1")
    assert answer.output.index("p50 ms 8 > 0.01; MB 90 > 1") < answer.output.index("labels differ")


def test_faster_file_within_noise_is_named(run):
    """Both teacher files predict the same, so their difference is noise whatever the figures say."""
    rewrite(run, ("teacher", "eager"), macro_f1=1.0, latency_p50_ms=1.0)
    rewrite(run, ("teacher", "onnx"), macro_f1=0.99, latency_p50_ms=0.5)
    answer = distilbench("recommend", run)
    assert "take teacher as eager" in answer.output
    sentence = "or teacher as onnx: 99.0, a difference within noise on these test rows, and 2.0 times faster"
    assert sentence in answer.output


def test_faster_file_that_is_surely_worse_is_not_named(run):
    predictions = pd.read_parquet(run / "predictions.parquet")
    students = predictions["model"] != "teacher"
    predictions.loc[students, ["logit_0", "logit_1"]] = 1.0, 0.0  # always the first label
    predictions.to_parquet(run / "predictions.parquet")
    rewrite(run, ("teacher", "onnx"), latency_p50_ms=9.0)
    answer = distilbench("recommend", run)
    assert "take teacher as eager" in answer.output
    assert "within noise" not in answer.output


def test_run_file_itself_may_be_given(run):
    folder, file = (distilbench("recommend", place) for place in (run, run / "run.json"))
    assert file == folder


def test_choice_without_macro_f1_goes_by_latency_and_says_so(run):
    rewrite(run, None, macro_f1=None)
    answer = distilbench("recommend", run)
    assert "take linear hard as onnx" in answer.output
    assert "why: the lowest p50 of 6 files" in answer.output


def test_noisy_choice_is_mentioned(run):
    rewrite(run, ("teacher", "onnx"), status="noisy", noise="other processes kept 1.0 cores busy meanwhile")
    assert (
        "mind: it was not measured in quiet (other processes kept 1.0 cores busy"
        in distilbench("recommend", run).output
    )


@pytest.mark.parametrize("share", ["80", "-0.1", "1.01"])
def test_macro_f1_in_points_is_refused(run, share):
    with pytest.raises(RequestError, match=f"--min-macro-f1 is a share between 0 and 1, such as 0.8; got {share}"):
        distilbench("recommend", run, "--min-macro-f1", share)


def test_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(RequestError, match="there is no run in"):
        distilbench("recommend", tmp_path)


def test_every_limit_is_inclusive_and_what_was_not_measured_misses_it(run):
    row = read_run(run).rows[0]
    exact = Limits(max_p50_ms=8.0, min_macro_f1=1.0, max_size_mb=90.0)
    assert missed_limits(row, exact) == []
    assert missed_limits(row, Limits(max_memory_mb=1, max_end_to_end_p50_ms=0, min_texts_per_second=1e9)) == [
        f"end-to-end p50 ms {row.end_to_end_latency_p50_ms:.4g} > 0",
        f"MB of memory {row.inference_peak_memory_bytes / 1e6:.4g} > 1",
        f"texts/s {row.texts_per_second:.4g} < 1e+09",
    ]
    rewrite(run, None, texts_per_second=None)
    assert missed_limits(read_run(run).rows[0], Limits(min_texts_per_second=1)) == ["texts/s not measured"]
