"""Each metric by hand, and against scikit-learn and scipy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from materials.tasks import task_of
from materials.tasks.metrics import Metric, shares, weighted_ranks

SINGLE, SEVERAL, NUMBER = (task_of(name) for name in ("single-label", "multi-label", "regression"))
SEEDS = range(12)


def metric(task, name):
    return next(metric for metric in task.metrics if metric.name == name)


def one_hot(called, classes=3):
    return np.eye(classes)[called]


def column(numbers):
    return np.array(numbers, dtype=float)[:, None]


def random_classes(seed):
    """Targets and logits of 4 classes, of which the last does not always occur."""
    generator = np.random.default_rng(seed)
    targets = generator.choice(4, size=40, p=[0.5, 0.3, 0.18, 0.02])
    return targets, generator.normal(size=(40, 4)) + 1.5 * np.eye(4)[targets] - [0, 0, 0, 2]


def random_labels(seed):
    """Targets and logits of 5 labels; many logits are equal, and the last label may have no row."""
    generator = np.random.default_rng(seed)
    targets = (generator.random((40, 5)) < [0.5, 0.3, 0.2, 0.1, 0.02]).astype(np.int64)
    return targets, (generator.normal(size=(40, 5)) + 2 * targets - 1).round(1 - seed % 2)


def random_numbers(seed, low=0.0, span=5.0):
    """Targets and outputs that go along with them; every second seed has equal ones among them."""
    generator = np.random.default_rng(seed)
    targets = generator.random(50)
    outputs = 0.5 * targets + 0.3 * generator.random(50)
    if seed % 2:
        targets, outputs = targets.round(1), outputs.round(1)
    return low + span * targets, column(low + span * outputs)


# Of class 0, two of three rows are called so; of class 1, one of two; one row of each is called the other.
CLASSES = np.array([0, 0, 0, 1, 1, 2])
CALLED = one_hot([0, 0, 1, 1, 0, 2])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("macro_f1", (2 / 3 + 1 / 2 + 1) / 3),
        ("accuracy", 4 / 6),
        ("weighted_f1", (3 * 2 / 3 + 2 * 1 / 2 + 1 * 1) / 6),
        ("micro_f1", 4 / 6),
    ],
)
def test_metrics_of_classes_by_hand(name, value):
    assert metric(SINGLE, name)(CLASSES, CALLED) == pytest.approx(value)


def test_class_that_is_neither_there_nor_called_does_not_count_and_one_that_is_called_does():
    macro_f1 = metric(SINGLE, "macro_f1")
    assert macro_f1(np.array([0, 1]), one_hot([0, 1], classes=5)) == 1
    assert macro_f1(np.array([0, 1]), one_hot([0, 4], classes=5)) == pytest.approx(1 / 3)


@pytest.mark.parametrize("seed", SEEDS)
def test_metrics_of_classes_are_those_of_scikit_learn(seed):
    from sklearn.metrics import accuracy_score, f1_score

    targets, outputs = random_classes(seed)
    called = outputs.argmax(axis=1)
    for average in ("macro", "weighted", "micro"):
        assert metric(SINGLE, f"{average}_f1")(targets, outputs) == pytest.approx(
            f1_score(targets, called, average=average)
        )
    assert metric(SINGLE, "accuracy")(targets, outputs) == pytest.approx(accuracy_score(targets, called))


# Label 0: one hit, one missed. Label 1: one hit, one called wrongly. Label 2: neither there nor called.
LABELS = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 0]])
LOGITS = np.array([[2.0, -1.0, -1.0], [-1.0, 3.0, -2.0], [-2.0, 1.0, -1.0]])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("macro_f1", (2 / 3 + 2 / 3) / 2),
        ("micro_f1", 2 * 2 / (3 + 3)),
        ("accuracy", 1 / 3),  # the first row alone is right throughout
        # Label 0: its rows are first and second; label 1: its row is first; label 2 has no row.
        ("average_precision", 1.0),
    ],
)
def test_metrics_of_several_labels_by_hand(name, value):
    assert metric(SEVERAL, name)(LABELS, LOGITS) == pytest.approx(value)


def test_average_precision_by_hand_where_rows_are_out_of_order_and_where_all_are_equal():
    average_precision = metric(SEVERAL, "average_precision")
    # Of 4 rows, the true ones are second and third: half of the recall at precision 1/2, half at 2/3.
    ranked = average_precision(column([0, 1, 1, 0]), column([4, 3, 2, 1]))
    assert ranked == pytest.approx(1 / 2 * 1 / 2 + 1 / 2 * 2 / 3)
    assert average_precision(column([0, 1, 1, 0, 0]), column([7, 7, 7, 7, 7])) == pytest.approx(2 / 5)


def test_label_without_a_row_does_not_lower_average_precision():
    targets, outputs = np.array([[1, 0], [0, 0]]), np.array([[2.0, 5.0], [1.0, 9.0]])
    assert metric(SEVERAL, "average_precision")(targets, outputs) == 1
    assert metric(SEVERAL, "average_precision")(np.zeros((2, 2), dtype=np.int64), outputs) == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_metrics_of_several_labels_are_those_of_scikit_learn(seed):
    from sklearn.metrics import accuracy_score, average_precision_score, f1_score

    targets, outputs = random_labels(seed)
    called = (outputs >= 0).astype(int)
    present, there = (targets + called).any(axis=0), targets.any(axis=0)
    expected = {
        "macro_f1": f1_score(targets[:, present], called[:, present], average="macro", zero_division=0),
        "micro_f1": f1_score(targets, called, average="micro"),
        "accuracy": accuracy_score(targets, called),
        "average_precision": average_precision_score(targets[:, there], outputs[:, there], average="macro"),
    }
    assert {metric.name: metric(targets, outputs) for metric in SEVERAL.metrics} == pytest.approx(expected)


NUMBERS, GUESSES = np.array([1.0, 2.0, 3.0, 4.0]), column([10, 30, 20, 40])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("spearman", 1 - 6 * (1 + 1) / (4 * (16 - 1))),  # two ranks are off by one
        ("pearson", 0.8),  # the deviations are -15, 5, -5, 15 and -1.5, -0.5, 0.5, 1.5: 40 / sqrt(500 * 5)
        ("mean_squared_error", (9**2 + 28**2 + 17**2 + 36**2) / 4),
    ],
)
def test_metrics_of_numbers_by_hand(name, value):
    assert metric(NUMBER, name)(NUMBERS, GUESSES) == pytest.approx(value)


def test_spearman_asks_for_the_order_alone_and_pearson_for_a_line():
    numbers = np.arange(1.0, 9.0)
    curve = column(numbers**3)
    assert metric(NUMBER, "spearman")(numbers, curve) == pytest.approx(1)
    assert metric(NUMBER, "spearman")(numbers, -curve) == pytest.approx(-1)
    assert metric(NUMBER, "pearson")(numbers, curve) < 0.97
    assert metric(NUMBER, "pearson")(numbers, column(7 - 3 * numbers)) == pytest.approx(-1)


@pytest.mark.parametrize("seed", SEEDS)
def test_metrics_of_numbers_are_those_of_scipy_and_scikit_learn(seed):
    from scipy.stats import pearsonr, spearmanr
    from sklearn.metrics import mean_squared_error

    targets, outputs = random_numbers(seed)
    expected = {
        "spearman": spearmanr(targets, outputs[:, 0]).statistic,
        "pearson": pearsonr(targets, outputs[:, 0]).statistic,
        "mean_squared_error": mean_squared_error(targets, outputs[:, 0]),
    }
    assert {metric.name: metric(targets, outputs) for metric in NUMBER.metrics} == pytest.approx(expected)


@pytest.mark.parametrize("low", [0, 1e6, -1e6])
@pytest.mark.parametrize("span", [5, 1000])
def test_pearson_is_right_at_any_scale_and_far_from_zero(low, span):
    from scipy.stats import pearsonr

    targets, outputs = random_numbers(0, low, span)
    weights = np.random.default_rng(1).multinomial(50, np.full(50, 1 / 50), size=5)
    repeated = [
        pearsonr(np.repeat(targets, times), np.repeat(outputs[:, 0], times)).statistic for times in [[1] * 50, *weights]
    ]
    drawn = metric(NUMBER, "pearson").resampled(targets, outputs, np.array([[1] * 50, *weights]))
    assert drawn == pytest.approx(repeated, abs=1e-9)


@pytest.mark.parametrize("name", ["spearman", "pearson"])
def test_correlation_is_zero_where_a_side_does_not_vary(name):
    correlation = metric(NUMBER, name)
    assert correlation(np.full(7, 0.1), column(range(7))) == 0
    assert correlation(np.arange(7.0), column([1e6 + 0.1] * 7)) == 0
    assert correlation(np.array([3.0]), column([2])) == 0
    once = correlation.resampled(np.array([0.1, 0.7]), column([0.3, 0.2]), np.array([[2, 0], [1, 1]]))
    assert once == pytest.approx([0, -1])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), min_size=1, max_size=12).filter(
        lambda rows: any(times for _, times in rows)
    )
)
def test_weighted_ranks_are_those_of_scipy_on_repeated_rows(rows):
    from scipy.stats import rankdata

    values, times = np.array(rows).T
    ranks = weighted_ranks(values.astype(float), times[None])[0]
    assert np.repeat(ranks, times) == pytest.approx(rankdata(np.repeat(values, times)))


def test_weighted_ranks_by_hand():
    # Three rows of 5 share the ranks 1 to 3; one of 7 has rank 4; two of 9 share 5 and 6.
    assert weighted_ranks(np.array([9.0, 5.0, 7.0, 5.0]), np.array([[2, 1, 1, 2]])).tolist() == [[5.5, 2, 4, 2]]


def test_share_of_nothing_is_zero():
    assert shares(np.array([1, 0, 3]), np.array([2, 0, 0])).tolist() == [0.5, 0, 0]


def test_metric_that_can_neither_sum_nor_weigh_says_so():
    with pytest.raises(ValueError, match="metric odd has neither sums nor a weighted form"):
        Metric(name="odd", title="odd")(NUMBERS, GUESSES)
