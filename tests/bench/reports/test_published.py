from dataclasses import replace

import pytest

from bench.recipe.parts import PublishedFigures
from bench.record.run_file import read_run
from bench.reports.published import published_table


@pytest.fixture
def run(finished):
    """The finished run with published figures of two of its models and of one that it has not."""
    figures = [
        {"title": "big", "model": "teacher", "accuracy": 0.93, "macro_f1": 0.92, "evaluation_seconds": 23.3},
        {"title": "small", "model": "linear hard", "accuracy": 0.65, "macro_f1": 0.52, "f1_per_class": (0.5, 0.54)},
        {"title": "other", "model": "bilstm logits", "accuracy": 0.5, "gap_closed": 0.35, "speedup": 9.0},
    ]
    usual = dict.fromkeys(PublishedFigures.model_fields)
    run = read_run(finished)
    published = {"source": "a paper", "figures": [{**usual, **figure} for figure in figures]}
    return replace(run, recipe={**run.recipe, "published": published})


def lines_of(run):
    ((title, header, lines),) = published_table(run, "onnx")
    names = [name.replace("\n", " ") for name in header]
    assert "of a paper, beside those measured here" in title
    assert all(len(line) == len(header) for line in lines)
    return {line[0]: line for line in lines}, names


def cells_of(run, title):
    lines, names = lines_of(run)
    return dict(zip(names, lines[title], strict=True))


def test_published_figures_stand_beside_those_of_the_same_model(run):
    row = next(row for row in run.rows if (row.model, row.format) == ("linear hard", "onnx"))
    cells = cells_of(run, "small")
    accuracy, f1, *classes = (f"{share * 100:.1f}" for share in (row.accuracy, row.macro_f1, *row.f1_per_class))
    assert (cells["accuracy published"], cells["accuracy here"]) == ("65.0", accuracy)
    assert (cells["macro-F1 published"], cells["macro-F1 here"]) == ("52.0", f1)
    assert (cells["F1 of classes published"], cells["F1 of classes here"]) == ("50.0 / 54.0", " / ".join(classes))


def test_figure_that_was_printed_for_no_model_has_no_columns(run):
    assert not [name for name in cells_of(run, "big") if name.startswith("weighted-F1")]


def test_evaluation_takes_the_test_rows_at_the_throughput_from_text_to_label(run):
    row = next(row for row in run.rows if (row.model, row.format) == ("teacher", "eager"))
    rows = sum(map(sum, row.confusion_matrix))
    cells = cells_of(run, "big")
    assert cells["evaluation s published"] == "23.3"
    assert float(cells["evaluation s here"]) == pytest.approx(rows / row.end_to_end_texts_per_second, rel=0.01)


def test_speed_up_is_the_ratio_of_throughputs_from_text_to_label(run):
    rows = {(row.model, row.format): row.end_to_end_texts_per_second for row in run.rows}
    ratio = rows["linear hard", "onnx"] / rows["teacher", "eager"]
    assert cells_of(run, "small")["speed-up here"] == f"{ratio:.1f}x"
    assert cells_of(run, "big")["speed-up here"] == ""


def test_model_that_the_run_has_not_leaves_our_side_blank(run):
    cells = cells_of(run, "other")
    assert (cells["model here"], cells["gap closed published"]) == ("bilstm logits", "0.35")
    assert {value for name, value in cells.items() if name.endswith(" here") and name != "model here"} == {""}


def test_run_without_published_figures_has_no_such_table(finished):
    assert published_table(read_run(finished), "onnx") == []


def test_f1_of_other_classes_than_the_sources_is_left_out(run):
    run.recipe["published"]["figures"][1]["f1_per_class"] = (0.9, 0.95, 0.92)
    assert not [name for name in cells_of(run, "small") if name.startswith("F1 of classes")]
