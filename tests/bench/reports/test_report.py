import json
import re
from dataclasses import replace

import pandas as pd
import pytest

from bench.record.row import Group, Launch, Row
from bench.record.run_file import Run
from bench.reports.pictures.tradeoff import save_tradeoff, tradeoff_chart
from bench.reports.report import REPORTS, best_tradeoffs, main_format

BASE = {
    "role": "student",
    "task": "single-label",
    "device": "cpu",
    "threads": 1,
    "status": "ok",
    "error": None,
    "architecture": "cnn",
    "objective": "hard",
    "objective_title": "hard",
    "transfer_rows": 0,
    "seed": 0,
    "format": "onnx",
    "parity": "passed",
    "parameters": 10,
    "size_bytes": 2_500_000,
}


def row(model, score, latency, **changes):
    quality = {"macro_f1": score, "macro_f1_low": score - 0.02, "macro_f1_high": score + 0.02, "accuracy": score}
    return Row(**{**BASE, "model": model, "latency_p50_ms": latency, **quality, **changes})


@pytest.fixture
def run():
    rows = (
        row(
            "teacher",
            0.9,
            10.0,
            role="teacher",
            objective=None,
            objective_title=None,
            transfer_rows=None,
            format="eager",
        ),
        row("fast", 0.8, 0.1, gap_closed=0.5, gap_closed_low=0.25, gap_closed_high=0.75, speedup=100.0),
        row("worse", 0.7, 0.2),
        row("broken", 0.95, 0.05, status="failed", parity="failed", error="labels differ"),
    )
    machine = {"processor": "Test CPU", "cores": 2}
    return Run(
        name="tiny",
        recipe=None,
        threads=1,
        machine=machine,
        versions={},
        git_commit=None,
        load_average=(),
        created="2026-01-01",
        labelling=(),
        rows=rows,
        groups=(),
    )


def group(model, format, role="student"):
    return Group(
        **{"model": model, "role": role, "architecture": "cnn", "objective_title": None, "transfer_rows": None},
        **{"format": format, "seeds": 3, "headline": 0.8, "headline_spread": 0.01, "headline_low": 0.7},
        **{"headline_high": 0.9, "accuracy": 0.8, "gap_closed": None, "gap_closed_low": None, "gap_closed_high": None},
    )


def test_means_are_those_of_the_students_format_and_of_the_teachers_own(run):
    teachers = [group("teacher", format, role="teacher") for format in ("eager", "onnx")]
    eager_only = replace(run, groups=(*teachers, group("cnn hard", "eager")))
    assert main_format(eager_only) == "eager"
    assert "| cnn hard | eager | 80.0" in REPORTS["markdown"](eager_only)
    assert "| teacher | eager | 80.0" in REPORTS["markdown"](eager_only)
    both = replace(run, groups=(*teachers[:1], group("cnn hard", "eager"), group("cnn hard", "onnx")))
    assert main_format(both) == "onnx"
    assert "| teacher | eager | 80.0" in REPORTS["markdown"](both)


def test_best_tradeoffs_leave_out_beaten_and_failed_rows(run):
    assert best_tradeoffs(run.rows) == {0, 1}


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_holds_every_row(run, name):
    text = REPORTS[name](run)
    assert all(model in text for model in ("teacher", "fast", "worse", "broken"))


def test_markdown_is_a_table_with_a_cell_for_each_column(run):
    lines = [line for line in REPORTS["markdown"](run).splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in lines}) == 1
    assert "0.50 [0.25, 0.75]" in lines[3]
    assert lines[3].endswith("| ★ |")


@pytest.mark.parametrize(
    ("count", "brackets"),
    [
        (3, "the lowest and the highest launch, which hold the median of any number of launches with 75 %"),
        (9, "number 2 from below and from above, which hold the median of any number of launches with 96.1 %"),
    ],
)
def test_times_of_several_launches_have_brackets_that_are_explained(run, count, brackets):
    launches = tuple(Launch(latency_p50_ms=0.1, tries=1 + (number == 0)) for number in range(count))
    fast = replace(
        run.rows[1],
        launches=launches,
        latency_p50_low_ms=0.09,
        latency_p50_high_ms=0.12,
        texts_per_second=900.0,
        texts_per_second_low=800.0,
        texts_per_second_high=950.0,
    )
    text = REPORTS["markdown"](replace(run, rows=(run.rows[0], fast)))
    assert "| 0.1 [0.09, 0.12] |" in text
    assert "| 900 [800, 950] |" in text
    assert f"files launched {count} times, in turns: times and rates are the medians of the launches; " in text
    assert brackets in text
    assert "launches that were made again, as they were not quiet: 1" in text


def test_times_of_a_single_launch_stand_alone(run):
    single = replace(run.rows[1], launches=(Launch(latency_p50_ms=0.1, tries=1),), latency_p50_low_ms=0.09)
    text = REPORTS["markdown"](replace(run, rows=(run.rows[0], single)))
    assert "| 0.1 |" in text
    assert "in turns" not in text
    assert "made again" not in text


def test_failed_row_is_marked_and_says_why(run):
    text = re.sub(r"\x1b\[[0-9;]*m", "", REPORTS["rich"](run))
    assert "✗ broken as onnx, seed 0: labels differ" in text


def test_student_that_needs_no_teacher_is_named(run):
    assert "no gap to close" not in REPORTS["markdown"](run)
    rows = (run.rows[0], replace(run.rows[1], macro_f1=0.91), *run.rows[2:])
    assert "the teacher is no better than fast: there is no gap to close" in REPORTS["markdown"](
        replace(run, rows=rows)
    )


def test_blank_gap_is_explained_where_there_is_one(run):
    sentence = "gap closed is blank where the teacher is not surely better than the student alone"
    for gap, explained in ((0.5, False), (None, True)):
        gaps = dict.fromkeys(("gap_closed", "gap_closed_low", "gap_closed_high"), gap)
        rows = tuple(replace(row, objective=row.objective and "soft", **gaps) for row in run.rows)
        assert (sentence in REPORTS["markdown"](replace(run, rows=rows))) == explained


def test_narrow_terminal_shows_model_and_format_of_every_table_whole(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    failed = tuple(f"all layers but the {number} most sensitive" for number in range(6))
    took = {"model_size_bytes": 8_000_000, "export_seconds": 2.0, "export_peak_memory_bytes": 10**9}
    cnn_row = row(
        "cnn", 0.8, 0.1, format="openvino-int8", export_setting=failed[0], export_failed_settings=failed, **took
    )
    text = re.sub(r"\x1b\[[0-9;]*m", "", REPORTS["rich"](replace(run, rows=(cnn_row,))))
    assert text.count("openvino-int8") == 2
    assert max(map(len, text.split("left out")[0].splitlines()[:-5])) <= 80


def test_csv_and_json_can_be_read_back(run, tmp_path):
    (tmp_path / "run.csv").write_text(REPORTS["csv"](run))
    assert pd.read_csv(tmp_path / "run.csv")["latency_p50_ms"].tolist() == [10.0, 0.1, 0.2, 0.05]
    assert json.loads(REPORTS["json"](run))["rows"][1]["gap_closed"] == 0.5


def test_picture_leaves_failed_rows_out(run, tmp_path):
    assert set(tradeoff_chart(run).to_dict()["datasets"].popitem()[1][0]) >= {"model", "latency", "score"}
    save_tradeoff(run, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"tradeoff.png", "tradeoff.svg"}
    assert "broken" not in (tmp_path / "tradeoff.svg").read_text()


def test_picture_names_the_best_tradeoffs_and_says_how_many_files_were_not_measured_in_quiet(run, tmp_path):
    save_tradeoff(run, tmp_path)
    picture = (tmp_path / "tradeoff.svg").read_text()
    rows = [row for row in run.rows if row.status != "failed" and row.latency_p50_ms]
    named = {f"{row.model}, {row.format}" for row in rows if f"{row.model}, {row.format}" in picture}
    assert named == {f"{run.rows[number].model}, {run.rows[number].format}" for number in best_tradeoffs(run.rows)}
    assert "not measured in quiet" not in picture
    noisy = replace(run, rows=(replace(run.rows[0], status="noisy", noise="busy"), *run.rows[1:]))
    save_tradeoff(noisy, tmp_path)
    assert f"1 of {len(rows)} files were not measured in quiet" in (tmp_path / "tradeoff.svg").read_text()


def test_what_exporting_took_stands_in_a_table_of_its_own(run):
    def exported_row(format, megabytes, seconds, **changes):
        size, peak = int(megabytes * 1e6), int(500e6 * seconds)
        took = {"model_size_bytes": size, "export_seconds": seconds, "export_peak_memory_bytes": peak}
        return row("cnn", 0.8, 0.1, format=format, export_setting="all layers", **took, **changes)

    rows = (exported_row("onnx", 8.0, 2.0), exported_row("onnx-int8", 2.0, 1.5, export_failed_settings=("entropy",)))
    table = REPORTS["markdown"](replace(run, rows=rows))
    assert "what exporting took" in table
    assert "| cnn | onnx-int8 | all layers | entropy | 2.00 | 25% | 1.5 | 750 |" in table
    assert "| cnn | all |  |  |  |  | 3.5 | 1,000 |" in table
    assert "what exporting took" not in REPORTS["markdown"](run)


def test_files_on_a_gpu_have_a_table_of_what_they_cost_there(run):
    figures = {"cuda_events_p50_ms": 0.25, "device_memory_bytes": 1_234_000_000, "energy_mj_per_text": 3.5}
    on_gpu = replace(run.rows[1], device="cuda", **figures)
    machine = {**run.machine, "gpu": {"gpu": "Test GPU"}}
    text = REPORTS["markdown"](replace(run, rows=(run.rows[0], on_gpu), machine=machine))
    assert "| fast | onnx | 0.25 | 1,234 | 3.5 |" in text
    assert "Test CPU, 2 cores and Test GPU; " in text
    assert "on the GPU" not in REPORTS["markdown"](run)


@pytest.mark.parametrize(
    ("figures", "is_constant"),
    [
        ({"confusion_matrix": ((0, 3), (0, 5))}, True),
        ({"confusion_matrix": ((1, 2), (0, 5))}, False),
        ({"label_counts": ((0, 3, 0), (0, 2, 0))}, True),
        ({"label_counts": ((0, 3, 1), (0, 2, 0))}, False),
    ],
)
def test_model_that_decides_the_same_for_every_row_is_named(run, figures, is_constant):
    rows = (run.rows[0], replace(run.rows[1], **figures))
    text = REPORTS["markdown"](replace(run, rows=rows))
    assert ("decided the same for every test row: fast" in text) == is_constant


@pytest.mark.parametrize(
    "figures",
    [{"confusion_matrix": ((3, 0, 1), (1, 0, 1), (0, 0, 0))}, {"label_counts": ((3, 4, 4), (0, 2, 1), (0, 0, 1))}],
)
def test_class_of_which_a_model_gets_no_row_right_is_named_and_one_without_rows_is_not(run, figures):
    row = replace(run.rows[1], label_names=("film", "book", "play"), **figures)
    text = REPORTS["markdown"](replace(run, rows=(run.rows[0], row, replace(row, model="worse"))))
    assert re.search(r"every test row of a \w+ got wrong \(F1 0\): book \(fast, worse\)", text)
