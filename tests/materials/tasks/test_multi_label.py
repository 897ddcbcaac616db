import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from materials.errors import RequestError
from materials.tasks import task_of

TASK = task_of("multi-label")
WHERE = "column 'label' of a.csv"


def read(*cells, separator=None):
    return TASK.read_labels(list(cells), separator=separator, where=WHERE)


def test_lists_are_read_name_by_name_and_never_as_one_label():
    labels = read(["a", "b"], ("b",), np.array(["c", "a"]), [])
    assert labels == [("a", "b"), ("b",), ("c", "a"), ()]
    assert TASK.label_names(labels) == ("a", "b", "c")


def test_cell_is_cut_at_the_separator_and_stripped():
    assert read("a; b", "b", ";a;;", " ; ", separator=";") == [("a", "b"), ("b",), ("a",), ()]
    assert read("a b|c", "a||c", separator="||") == [("a b|c",), ("a", "c")]


def test_separator_leaves_lists_as_they_are():
    assert read(["a;b", "c"], "a;b", separator=";") == [("a;b", "c"), ("a", "b")]


def test_label_that_is_named_twice_counts_once():
    labels = read(["b", "a", "b"], "a;b;a", separator=";")
    assert labels == [("b", "a"), ("a", "b")]
    assert TASK.targets(labels, ("a", "b")).tolist() == [[1, 1], [1, 1]]


def test_numbers_are_the_labels_they_are_and_in_their_order():
    labels = read([10.0, 9], "10;2", 9.0, separator=";")
    assert labels == [("10", "9"), ("10", "2"), ("9",)]
    assert TASK.label_names(labels) == ("2", "9", "10")


@pytest.mark.parametrize("cell", ["a;b", 3, "a"])
def test_cell_that_is_no_list_is_refused_without_a_separator(cell):
    with pytest.raises(RequestError) as refusal:
        read(["a"], cell)
    assert str(refusal.value).startswith(f"{WHERE} holds '{cell}' in row 2, which is no list; ")
    assert "--set data.separator=" in str(refusal.value)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.text(max_size=4).map(str.strip)), min_size=1, max_size=8))
def test_any_lists_of_names_come_back_from_their_targets(lists):
    labels = read(*lists)
    names = sorted({name for label in labels for name in label})
    targets = TASK.targets(labels, names)
    assert targets.shape == (len(lists), len(names))
    assert TASK.labels_of(targets, names) == [tuple(sorted(set(filter(None, names)))) for names in lists]


def test_rows_without_any_label_are_labelled_rows():
    targets = TASK.targets([(), None, ("a",)], ("a", "b"))
    assert TASK.has_target(targets).tolist() == [True, False, True]
    assert TASK.labels_of(targets, ("a", "b")) == [(), None, ("a",)]


def test_data_without_a_label_are_refused():
    with pytest.raises(RequestError, match="^no row of the data has a label$"):
        TASK.label_names(read([], []))


def test_one_threshold_holds_for_all_labels():
    logits = np.log([[0.29 / 0.71, 0.31 / 0.69, 1e-9]])
    assert task_of("multi-label", {"thresholds": 0.3}).decide(logits).tolist() == [[0, 1, 0]]
    assert TASK.decide(np.array([[0.0, -1e-6, 1e-6]])).tolist() == [[1, 0, 1]]  # a half reaches a half


def test_each_label_has_its_own_threshold():
    task = task_of("multi-label", {"thresholds": [0.2, 0.9]})
    half = np.zeros((1, 2))
    assert task.decide(half).tolist() == [[1, 0]]
    assert task.right(np.array([[1, 0]]), half).tolist() == [True]
    assert task.headline(np.array([[1, 0], [0, 1]]), np.array([[0.0, 0.0], [-9.0, 9.0]])) == 1


@pytest.mark.parametrize("thresholds", [0.0, 1.0, -0.5, float("nan"), [0.5, 1.5]])
def test_threshold_that_is_no_probability_is_refused(thresholds):
    with pytest.raises(RequestError, match=r"^thresholds lie between 0 and 1; got \S.*$"):
        task_of("multi-label", {"thresholds": thresholds})


def test_thresholds_that_are_not_one_a_label_are_refused():
    task = task_of("multi-label", {"thresholds": [0.5, 0.5]})
    match = r"^thresholds are \(0.5, 0.5\), but the data has 3 labels; give one each$"
    with pytest.raises(RequestError, match=match):
        task.label_names([("a",), ("b", "c")])
    assert task.label_names([("a",), ("b",)]) == ("a", "b")


def test_stratum_is_the_rarest_label_of_a_row():
    targets = np.array([[1, 1, 0], [1, 0, 0], [1, 0, 1], [1, 1, 1], [0, 0, 0], [0, 1, 0]])
    assert TASK.strata(targets).tolist() == [1, 0, 2, 2, 3, 1]  # the labels have 4, 3 and 2 rows


def test_agreement_counts_decisions_and_exact_rows_count_for_right():
    outputs, others = np.array([[1.0, -1.0], [1.0, 1.0]]), np.array([[1.0, 1.0], [1.0, 1.0]])
    assert TASK.agreement(outputs, others) == 3 / 4
    assert TASK.right(np.array([[1, 1], [1, 1]]), outputs).tolist() == [False, True]


def test_only_decisions_far_from_their_threshold_count_for_what_a_file_keeps():
    task = task_of("multi-label", {"thresholds": [0.5, 0.2]})
    expected, found = (np.log(odds / (1 - odds)) for odds in (np.array([[0.54, 0.26]]), np.array([[0.46, 0.14]])))
    assert task.agreement(expected, found) == 0
    assert task.kept(expected, found, margin=0.1) == 0  # 0.26 lies 0.06 off 0.2, and 0.54 but 0.04 off 0.5
    assert task.kept(expected, np.stack([found[:, 0], expected[:, 1]], axis=1), margin=0.1) == 1
    assert task.kept(expected, found, margin=0.2) == 1  # none is sure


def test_rows_without_labels_are_not_counted_for_a_label():
    assert TASK.rows_per_name(np.array([[1, 0], [-1, -1], [1, 1]]), 2).tolist() == [2, 1]


@pytest.mark.parametrize("label", [None, float("nan"), ["a"], {"x": 1}])
def test_hole_list_or_mapping_within_a_list_is_no_label(label):
    with pytest.raises(RequestError, match=r"^W holds the list label .* in row 2; expected a text or a number$"):
        TASK.read_labels([["a"], ["b", label]], separator=None, where="W")


def test_labels_in_a_list_are_stripped_as_those_between_separators_are():
    assert TASK.read_labels([[" ", "a ", 5.0]], separator=None, where="W") == [("a", "5")]


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 12), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_counts_of_each_label_are_those_of_scikit_learn(rows, labels, seed):
    from sklearn.metrics import multilabel_confusion_matrix

    generator = np.random.default_rng(seed)
    targets, outputs = generator.integers(0, 2, (rows, labels)), generator.normal(size=(rows, labels))
    hits, true_rows, called_rows = TASK.counts_per_name(targets, outputs)
    matrices = multilabel_confusion_matrix(targets, outputs >= 0, labels=range(labels)) if labels > 1 else None
    if matrices is not None:
        assert hits.tolist() == matrices[:, 1, 1].tolist()
        assert true_rows.tolist() == matrices[:, 1].sum(axis=1).tolist()
        assert called_rows.tolist() == matrices[:, :, 1].sum(axis=1).tolist()
    assert (hits <= np.minimum(true_rows, called_rows)).all()
