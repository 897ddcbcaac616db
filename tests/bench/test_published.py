from dataclasses import replace

import pytest

from bench.published import published_table
from bench.recipe_parts import PublishedFigures
from bench.run_file import read_run


@pytest.fixture
def run(finished):
    """The finished run with published figures of two of its models and of one that it has not."""
    figures = [
        {"title": "big", "model": "teacher", "accuracy": 0.93, "macro_f1": 0.92, "evaluation_seconds": 23.3},
        {"title": "small", "model": "linear hard", "accuracy": 0.65, "macro_f1": 0.52, "f1_per_class": (0.5, 0.54)},
        {"title": "other", "model": "bilstm logits", "accuracy": 0.5, "gap_closed": 0.35},
    ]
    usual = dict.fromkeys(PublishedFigures.model_fields)
    run = read_run(finished)
    published = {"source": "a paper", "figures": [{**usual, **one} for one in figures]}
    return replace(run, recipe={**run.recipe, "published": published})


def lines_of(run):
    ((title, header, lines),) = published_table(run, "onnx")
    assert "of a paper, beside those measured here" in title
    assert all(len(line) == len(header) for line in lines)
    return {line[0]: line for line in lines}


def test_published_figures_stand_beside_those_of_the_same_model(run):
    line = lines_of(run)["small"]
    row = next(one for one in run.rows if (one.model, one.format) == ("linear hard", "onnx"))
    accuracy, f1, weighted, *classes = (
        f"{share * 100:.1f}" for share in (row.accuracy, row.macro_f1, row.weighted_f1, *row.f1_per_class)
    )
    assert line[1:10] == [
        *("linear hard as onnx", "65.0", accuracy, "52.0", f1, "", weighted, "50.0 / 54.0", " / ".join(classes)),
    ]


def test_evaluation_takes_the_test_rows_at_the_throughput_from_text_to_label(run):
    row = next(one for one in run.rows if (one.model, one.format) == ("teacher", "eager"))
    rows = sum(map(sum, row.confusion_matrix))
    line = lines_of(run)["big"]
    assert (line[12], float(line[13])) == ("23.3", pytest.approx(rows / row.end_to_end_texts_per_second, rel=0.01))
    assert line[14:] == ["", ""]


def test_speed_up_is_the_ratio_of_throughputs_from_text_to_label(run):
    rows = {(one.model, one.format): one.end_to_end_texts_per_second for one in run.rows}
    ratio = rows["linear hard", "onnx"] / rows["teacher", "eager"]
    assert lines_of(run)["small"][14:] == ["", f"{ratio:.1f}x"]


def test_model_that_the_run_has_not_leaves_our_side_blank(run):
    assert lines_of(run)["other"] == ["other", "", "50.0", *[""] * 7, "0.35", *[""] * 5]


def test_run_without_published_figures_has_no_such_table(finished):
    assert published_table(read_run(finished), "onnx") == []
