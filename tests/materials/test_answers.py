"""Files of a teacher's answers: what is read, what is left out, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from materials.errors import RequestError
from materials.sources.answers import read_answers
from materials.tasks import task_of

TEXTS = ["one", "two", "three"]


def written(folder, frame, suffix=".csv"):
    path = folder / f"answers{suffix}"
    if suffix == ".parquet":
        frame.to_parquet(path, index=False)
    elif suffix == ".jsonl":
        frame.to_json(path, orient="records", lines=True)
    else:
        frame.to_csv(path, index=False)
    return path


def read(folder, columns, names=None, suffix=".csv"):
    frame = pd.DataFrame({"text": TEXTS, **columns})
    return read_answers(written(folder, frame, suffix), text="text", text_pair=None, names=names)


def softmax(logits):
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_probabilities_stay_what_they_are(suffix, tmp_path):
    answers = read(tmp_path, {"bad": [0.9, 0.2, 0.5], "good": [0.1, 0.8, 0.5]}, ("good", "bad"), suffix)
    assert answers.names == ("good", "bad")
    assert softmax(answers.logits) == pytest.approx(np.array([[0.1, 0.9], [0.8, 0.2], [0.5, 0.5]]), abs=1e-5)
    assert "holds probabilities for 3 items" in answers.notes[0]


def test_logits_are_found_by_what_no_probability_is(tmp_path):
    answers = read(tmp_path, {"bad": [3.0, -2, 0], "good": [0.5, 1, 0]}, ("bad", "good"))
    assert answers.logits.tolist() == [[3, 0.5], [-2, 1], [0, 0]]
    assert "holds logits" in answers.notes[0]


def test_label_and_confidence_become_a_distribution(tmp_path):
    columns = {"label": ["a", "b", "c"], "confidence": [0.8, 0.6, 1.0]}
    answers = read(tmp_path, columns)
    assert softmax(answers.logits)[0] == pytest.approx([0.8, 0.1, 0.1], abs=1e-5)
    assert softmax(answers.logits).argmax(axis=1).tolist() == [0, 1, 2]


@given(st.lists(st.integers(0, 2), min_size=2, max_size=12))
def test_labels_alone_are_the_decisions(tmp_path_factory, numbers):
    names = ("a", "b", "c")
    path = tmp_path_factory.mktemp("answers") / "answers.csv"
    frame = pd.DataFrame({"text": [f"text {row}" for row in range(len(numbers))]})
    frame.assign(label=[names[number] for number in numbers]).to_csv(path, index=False)
    answers = read_answers(path, text="text", text_pair=None, names=names)
    assert answers.logits.argmax(axis=1).tolist() == numbers


def test_items_with_two_different_answers_are_left_out_and_counted(tmp_path):
    frame = pd.DataFrame({"text": ["one", "one", "two", "two"], "label": ["a", "b", "b", "b"]})
    answers = read_answers(written(tmp_path, frame), text="text", text_pair=None, names=None)
    assert answers.items == ["two"]
    assert "1 items" in answers.notes[1]
    assert answers.rows_of(["two", "three", "one"]).tolist() == [0, -1, -1]


@pytest.mark.parametrize(
    ("columns", "names", "sentence"),
    [
        ({"a": [0.9, 0.9, 1], "b": [0.9, 0.9, 1], "c": [0.9, 0.9, 1]}, None, "whose sum in row 1 is 2.7"),
        ({"a": [0.5, "much", 0.5], "b": [0.5, 0.5, 0.5]}, None, "the first 'much' for a in row 2"),
        ({"a": [0.9, 1.5, 0.2], "b": [0.1, 1.5, 0.8]}, None, "probabilities whose sum in row 2 is 3"),
        ({"a": [90, 20, 50], "b": [10, 80, 50]}, ("a", "b"), "holds percentages"),
        ({"a": [0.9, 0.2, 0.5], "b": [0.1, 0.8, 0.5], "tokens": [10, 20, 30]}, None, "are no probabilities"),
        ({"label": ["a", "b", "a"], "a": [1, 0, 1], "b": [0, 1, 0]}, None, "holds both the column label and a column"),
        (
            {"a": [0.5, None, 0.5], "b": [0.5, 0.5, 0.5]},
            None,
            "1 rows .* is no number.* for a in row 2",
        ),
        ({"a": [0.5, 0.5, 1], "b": [0.5, 0.5, 0]}, ("a", "b", "c"), "no column for the class 'c'"),
        (
            {"a": [1, 2, 3], "b": [1, 2, 3], "d": [1, 2, 3]},
            ("a", "b"),
            "answers for 'd', which is no class",
        ),
        ({"label": ["a", "b", "z"]}, ("a", "b"), "row 3 of .* has the label 'z', which is none of a, b"),
        (
            {"label": ["a", "b", "a"], "confidence": [0.5, 2, 0.1]},
            None,
            "row 2 of .* has the confidence 2; expected at least 1/2",
        ),
        ({"label": ["a", "a", "a"]}, None, "gives all rows the label 'a'"),
        ({"a": [0.5, 0.5, 1]}, None, "holds no answers"),
    ],
)
def test_what_is_no_answer_is_refused_in_a_sentence(columns, names, sentence, tmp_path):
    with pytest.raises(RequestError, match=sentence):
        read(tmp_path, columns, names)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_rows_without_an_answer_are_left_out_and_counted(suffix, tmp_path):
    answers = read(tmp_path, {"label": ["a", None, "b"]}, suffix=suffix)
    assert (answers.items, answers.names) == (["one", "three"], ("a", "b"))
    assert "1 rows of" in answers.notes[1]
    probabilities = read(tmp_path, {"a": [0.9, None, 0.5], "b": [0.1, None, 0.5]}, suffix=suffix)
    assert probabilities.items == ["one", "three"]


def test_a_row_that_is_off_by_rounding_and_row_numbers_do_not_matter(tmp_path):
    columns = {"Unnamed: 0": [0, 1, 2], "a": [1.0000001, 0.3, -1e-9], "b": [0, 0.7, 1.0]}
    answers = read(tmp_path, columns)
    assert answers.names == ("a", "b")
    assert softmax(answers.logits) == pytest.approx(np.array([[1, 0], [0.3, 0.7], [0, 1]]), abs=1e-5)


def test_a_confidence_that_would_turn_its_label_is_refused(tmp_path):
    with pytest.raises(RequestError, match="has the confidence 0.3; expected at least 1/2"):
        read(tmp_path, {"label": ["a", "b", "a"], "confidence": [0.9, 0.3, 0.9]})


def read_several(folder, columns, names=None, suffix=".csv", separator=None):
    path = written(folder, pd.DataFrame({"text": TEXTS, **columns}), suffix)
    task = task_of("multi-label")
    return read_answers(path, text="text", text_pair=None, names=names, task=task, separator=separator)


def test_probabilities_of_several_labels_stand_each_by_itself(tmp_path):
    answers = read_several(tmp_path, {"a": [0.9, 0.2, 1.0], "b": [0.8, 0.1, 0.0]})
    assert task_of("multi-label").probabilities(answers.logits) == pytest.approx(
        np.array([[0.9, 0.8], [0.2, 0.1], [1, 0]]), abs=1e-5
    )
    assert "probabilities of each label by itself for 3 items" in answers.notes[0]


@pytest.mark.parametrize(
    ("lists", "suffix", "separator"),
    [
        ([["a", "b"], [], None], ".jsonl", None),
        ([["a", "b"], [], None], ".parquet", None),
        (["a; b", "", ""], ".csv", ";"),
    ],
)
def test_lists_of_labels_are_the_decisions_and_an_empty_one_is_one(lists, suffix, separator, tmp_path):
    answers = read_several(tmp_path, {"label": lists}, ("b", "a", "c"), suffix, separator)
    decided = task_of("multi-label").decide(answers.logits).tolist()
    # In a table of cells nothing tells an empty list from none.
    assert decided == [[1, 1, 0], [0, 0, 0], [0, 0, 0]][: 3 if separator else 2]


@pytest.mark.parametrize(
    ("columns", "names", "sentence"),
    [
        ({"a": [90, 20, 50], "b": [80, 80, 0]}, ("a", "b"), "numbers from 0 to 90, as percentages are"),
        ({"a": [0.5, -2, 0.1], "b": [0.5, 0.5, 7]}, None, "are no probabilities: one holds 7"),
        ({"label": ["a", "b;z", "a"]}, ("a", "b"), "row 2 of .* has the label 'z', which is none of a, b"),
        ({"label": ["a", "b", "a"], "confidence": [1, 1, 1]}, None, "is for one class a row"),
        ({"label": ["", "", ""]}, None, "no row of the data has a label"),
    ],
)
def test_what_is_no_answer_of_several_labels_is_refused_in_a_sentence(columns, names, sentence, tmp_path):
    with pytest.raises(RequestError, match=sentence):
        read_several(tmp_path, columns, names, separator=";")


def test_labels_are_read_as_those_of_rows_are(tmp_path):
    answers = read(tmp_path, {"label": [b"bad", b"good ", b"bad"]}, suffix=".parquet")
    assert answers.names == ("bad", "good")


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        ([["bad"], ["good"], ["bad"]], "holds .*bad.*; expected the name of a class"),
        (["bad", "Bad", "good"], "the labels 'Bad' and 'bad' look alike"),
        ([b"\xff", b"good", b"bad"], "holds bytes in row 1 that are not UTF-8"),
    ],
)
def test_labels_that_are_no_classes_are_refused(tmp_path, labels, sentence):
    with pytest.raises(RequestError, match=sentence):
        read(tmp_path, {"label": labels}, suffix=".parquet")
