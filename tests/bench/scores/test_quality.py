import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.scores import confusion as figures
from bench.scores.quality import GapOutputs, calibration_error, gap_closed, score
from materials.tasks import metrics, task_of

TASK = task_of("single-label")


def one_hot(predicted, classes):
    return np.eye(classes)[predicted]


def with_outputs(labels, predicted, classes):
    return labels, one_hot(predicted, classes)


LABELS = np.array([0, 0, 0, 1, 1, 2])
PREDICTED = np.array([0, 0, 1, 1, 0, 2])


def test_accuracy_confusion_and_f1_by_hand():
    confusion = figures.confusion_matrix(LABELS, PREDICTED, 3)
    assert TASK.metrics[1](LABELS, one_hot(PREDICTED, 3)) == pytest.approx(4 / 6)
    assert confusion.tolist() == [[2, 1, 0], [1, 1, 0], [0, 0, 1]]
    assert figures.f1_per_class(confusion) == pytest.approx([2 / 3, 1 / 2, 1])
    assert score(TASK.headline, *with_outputs(LABELS, PREDICTED, 3)).value == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=4, max_size=60))
def test_macro_f1_is_that_of_scikit_learn(pairs):
    from sklearn.metrics import f1_score

    labels, predicted = np.array(pairs).T
    value = metrics.macro_f1(figures.sums_of(figures.confusion_matrix(labels, predicted, 4)))
    assert value == pytest.approx(f1_score(labels, predicted, average="macro"))


def test_weighted_and_micro_f1_by_hand():
    confusion = figures.confusion_matrix(LABELS, PREDICTED, 3)
    assert metrics.weighted_f1(figures.sums_of(confusion)) == pytest.approx((3 * 2 / 3 + 2 * 1 / 2 + 1 * 1) / 6)
    assert metrics.micro_f1(figures.sums_of(confusion)) == pytest.approx(4 / 6)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=4, max_size=60))
def test_figures_of_classes_are_those_of_scikit_learn(pairs):
    from sklearn.metrics import f1_score

    labels, predicted = np.array(pairs).T
    confusion = figures.confusion_matrix(labels, predicted, 4)
    assert metrics.weighted_f1(figures.sums_of(confusion)) == pytest.approx(
        f1_score(labels, predicted, average="weighted")
    )
    assert metrics.micro_f1(figures.sums_of(confusion)) == pytest.approx(f1_score(labels, predicted, average="micro"))


def test_class_that_is_not_in_the_test_rows_does_not_count():
    assert score(TASK.headline, *with_outputs(np.array([0, 1, 0]), np.array([0, 1, 0]), 3)).value == 1


def test_interval_covers_the_truth_about_as_often_as_it_says():
    generator = np.random.default_rng(0)
    hits = 0
    for _ in range(100):
        labels = generator.integers(0, 2, size=400)
        predicted = np.where(generator.random(400) < 0.8, labels, 1 - labels)
        interval = score(TASK.headline, *with_outputs(labels, predicted, 2))
        hits += interval.low <= 0.8 <= interval.high
    assert 88 <= hits <= 100


def test_calibration_error_by_hand():
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.4, 0.6]])
    assert calibration_error(np.array([0, 1, 1, 1]), probabilities) == pytest.approx(0.5 * 0.4 + 0.5 * 0.4)


def seed(teacher, alone, distilled, rows=2000, start=0):
    """Predictions that are right on exactly these shares of the rows, of each class alike."""
    labels = np.arange(rows) % 2

    def predict(share, draw):
        order = np.random.default_rng(draw).permutation(rows // 2)
        wrong = np.concatenate([2 * order[: round((1 - share) * rows / 2)] + side for side in (0, 1)])
        predicted = labels.copy()
        predicted[wrong] = 1 - predicted[wrong]
        return one_hot(predicted, 2)

    return GapOutputs(
        targets=labels,
        teacher=predict(teacher, start),
        alone=predict(alone, start + 1),
        distilled=predict(distilled, start + 2),
    )


def test_gap_closed_by_hand():
    gap = gap_closed(TASK, [seed(0.9, 0.7, 0.8)])
    assert gap.value == pytest.approx(0.5)
    assert gap.low < 0.5 < gap.high


def test_gap_closed_over_seeds_is_the_ratio_of_the_mean_differences():
    gap = gap_closed(TASK, [seed(0.9, 0.8, 0.9), seed(0.9, 0.6, 0.6, start=7)])
    assert gap.value == pytest.approx(0.1 / 0.4)


def test_gap_closed_above_one_and_below_zero_is_printed_as_it_is():
    assert gap_closed(TASK, [seed(0.9, 0.7, 0.95)]).value == pytest.approx(1.25)
    assert gap_closed(TASK, [seed(0.9, 0.7, 0.65)]).value == pytest.approx(-0.25)


def test_gap_closed_is_none_without_a_gap():
    assert gap_closed(TASK, [seed(0.805, 0.8, 0.9)]) is None
    assert gap_closed(TASK, [seed(0.7, 0.8, 0.9)]) is None


def test_gap_closed_is_none_where_the_gap_may_be_noise():
    assert gap_closed(TASK, [seed(0.75, 0.7, 0.8, rows=80)]) is None


def test_gap_closed_needs_a_seed():
    with pytest.raises(ValueError, match="at least one seed"):
        gap_closed(TASK, [])


def test_more_rows_give_a_narrower_interval():
    few, many = (gap_closed(TASK, [seed(0.9, 0.6, 0.8, rows=rows)]) for rows in (500, 8000))
    assert many.high - many.low < few.high - few.low
