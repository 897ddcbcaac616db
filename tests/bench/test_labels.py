"""What a class name more costs: a sweep over their number, its lines and its slopes."""

import json

import pytest
from sample_command import distilbench
from sample_models import save_tiny_bert
from sample_texts import sentences

from bench.labels.report import slope, sweep_text
from materials.errors import RequestError


@pytest.fixture(scope="module")
def tiny_nli(tmp_path_factory):
    """A model of natural language inference, by its labels: its weights are random."""
    names = ("contradiction", "entailment", "neutral")
    return save_tiny_bert(tmp_path_factory.mktemp("models") / "tiny-nli", label_names=names)


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """Real texts, one a line."""
    path = tmp_path_factory.mktemp("texts") / "texts.txt"
    path.write_text("\n".join(sentences(60)[0]), encoding="utf-8")
    return path


def content_of(teacher, student):
    """A sweep whose times lie on two lines."""
    points = [
        {"model": model, "labels": count, "ms": ms(count), "low_ms": ms(count) * 0.9, "high_ms": ms(count) * 1.1}
        for model, ms in (("teacher", teacher), ("student", student))
        for count in (2, 4, 8)
    ]
    machine = {"processor": "one", "cores": 2}
    return {
        "points": points,
        "batch_size": 16,
        "threads": 1,
        "teacher": "zero-shot-nli",
        "texts": 9,
        "machine": machine,
    }


def test_slopes_are_those_of_the_lines():
    content = content_of(lambda count: 3 * count + 1, lambda count: 0.5)
    assert slope(content, "teacher") == pytest.approx((3, 1))
    assert slope(content, "student") == pytest.approx((0, 0.5), abs=1e-9)
    text = sweep_text(content, "markdown")
    assert "| 8 | 25 | [22.5, 27.5] | 0.5 | [0.45, 0.55] | 50.0x |" in text
    assert "teacher: 3 ms for each class name more, 1 ms without any" in text


def test_sweep_times_both_models_for_every_number_of_names(tiny_nli, tiny_eager, texts, tmp_path):
    more = ("--counts", "2,12", "--seconds", 0.1, "--output", tmp_path / "cost", "--data", texts)
    assert distilbench("label-cost", tiny_nli, tiny_eager, *more).code == 0
    content = json.loads((tmp_path / "cost" / "labels.json").read_text())
    assert [(point["model"], point["labels"]) for point in content["points"]] == [
        ("teacher", 2),
        ("student", 2),
        ("teacher", 12),
        ("student", 12),
    ]
    assert all(point["ms"] > 0 for point in content["points"])
    known = [point for point in content["points"] if point["low_ms"] is not None]
    assert all(point["low_ms"] <= point["ms"] <= point["high_ms"] for point in known)
    assert (tmp_path / "cost" / "labels.svg").is_file()
    assert "class names" in (tmp_path / "cost" / "table.md").read_text()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--counts", "2"), "--counts needs two numbers of at least 2"),
        (("--counts", "1,4"), "--counts needs two numbers of at least 2"),
        (("--counts", "two"), "--counts needs numbers with commas"),
        (("--architecture", "transformer", "--counts", "2,3"), "transformer is no zero-shot teacher"),
    ],
)
def test_wrong_sweep_is_one_sentence(options, sentence, tiny_nli, tiny_eager, texts, tmp_path):
    with pytest.raises(RequestError, match=sentence):
        distilbench("label-cost", tiny_nli, tiny_eager, "--data", texts, "--output", tmp_path / "cost", *options)
