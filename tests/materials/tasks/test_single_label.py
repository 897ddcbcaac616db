import numpy as np
import pytest

from materials.errors import RequestError
from materials.tasks import task_of
from materials.tasks.single_label import softmax
from materials.tasks.task import as_name, in_name_order

TASK = task_of("single-label")
WHERE = "column 'label' of a.jsonl"


@pytest.mark.parametrize("cell", [["a", "b"], [], ("a",), np.array(["a", "b"])])
def test_list_of_labels_is_never_a_class(cell):
    with pytest.raises(RequestError) as refusal:
        TASK.read_labels(["a", cell, "b", cell], separator=None, where=WHERE)
    assert str(refusal.value).startswith(f"{WHERE} holds a list in row 2; ")
    assert "--set data.task=multi-label" in str(refusal.value)


def test_separator_does_not_cut_a_class():
    assert TASK.read_labels(["a;b", "a"], separator=";", where=WHERE) == ["a;b", "a"]


@pytest.mark.parametrize(
    ("cell", "name"), [(5.0, "5"), (5, "5"), ("5.0", "5.0"), (0.5, "0.5"), (-1.0, "-1"), (True, "True"), ("", "")]
)
def test_number_that_a_file_format_turned_into_a_float_is_the_same_label(cell, name):
    assert as_name(cell) == name


@pytest.mark.parametrize(
    ("names", "ordered"),
    [
        ({"10", "9", "-1", "-10"}, ("-10", "-1", "9", "10")),
        ({"10", "9", "nine"}, ("10", "9", "nine")),
        ({"1-2", "1", "--1"}, ("--1", "1", "1-2")),
        ({"b", "B", "a"}, ("B", "a", "b")),
    ],
)
def test_names_are_in_the_order_of_their_numbers_where_all_are_whole_numbers(names, ordered):
    assert in_name_order(names) == ordered


def test_softmax_by_hand_and_of_logits_too_large_for_exp():
    assert softmax(np.log([[1.0, 2.0, 5.0]])) == pytest.approx(np.array([[1 / 8, 2 / 8, 5 / 8]]))
    assert softmax(np.array([[1e4, 1e4, -1e4]], dtype=np.float32)) == pytest.approx(np.array([[0.5, 0.5, 0]]))


def test_first_of_equal_logits_is_the_decision():
    assert TASK.decide(np.array([[1.0, 3.0, 3.0], [0.0, 0.0, 0.0]])).tolist() == [1, 0]


def test_only_rows_with_a_margin_count_for_what_a_file_keeps():
    expected = np.log([[0.9, 0.1], [0.1, 0.9], [0.54, 0.46]])
    swapped_unsure = np.log([[0.8, 0.2], [0.2, 0.8], [0.46, 0.54]])
    assert TASK.kept(expected, swapped_unsure, margin=0.1) == 1
    assert TASK.kept(expected, swapped_unsure, margin=0.07) == pytest.approx(2 / 3)
    assert TASK.kept(expected[2:], -expected[2:], margin=0.1) == 1  # no row is sure
    assert TASK.agreement(expected, swapped_unsure) == pytest.approx(2 / 3)


def test_rows_of_a_class_that_has_none_are_zero():
    assert TASK.rows_per_name(np.array([0, 0, 2, -1]), 4).tolist() == [2, 0, 1, 0]


def test_one_class_is_refused_by_its_name():
    with pytest.raises(RequestError, match=r"^the data has one class only \('x'\); a classifier needs at least two$"):
        TASK.label_names(["x", "x"])


def test_white_space_around_a_label_does_not_count():
    assert TASK.read_labels(["bad", "bad ", "\tbad"], separator=None, where=WHERE) == ["bad"] * 3


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (["fine", "fine\u200b"], r"'fine' and 'fine\u200b'"),
        (["bad", "Bad"], "'Bad' and 'bad'"),
        (["0", "0.0"], "'0' and '0.0'"),
        (["very  bad", "very\xa0bad"], r"'very  bad' and 'very\xa0bad'"),
    ],
)
@pytest.mark.parametrize("task", ["single-label", "multi-label"])
def test_labels_that_look_alike_are_refused_as_they_are_written(task, names, shown):
    labels = names if task == "single-label" else [tuple(names)]
    with pytest.raises(RequestError) as refusal:
        task_of(task).label_names([*labels, *(["other"] if task == "single-label" else [("other",)])])
    assert f"the labels {shown} look alike" in str(refusal.value)


def test_labels_that_only_begin_alike_are_two():
    assert TASK.label_names(["5", "05", "5.5", "5a"]) == ("05", "5", "5.5", "5a")
