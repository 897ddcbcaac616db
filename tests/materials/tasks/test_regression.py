import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from materials.errors import RequestError
from materials.tasks import task_of

TASK = task_of("regression")
WHERE = "column 'score' of a.csv"


def column(numbers):
    return np.array(numbers, dtype=float)[:, None]


def read(*cells):
    return TASK.read_labels(list(cells), separator=None, where=WHERE)


def test_numbers_are_read_from_texts_and_numbers():
    assert read("3", " -2.5 ", "1e3", 7, 0.1, np.float32(0.5), "+.5") == [3, -2.5, 1000, 7, 0.1, 0.5, 0.5]


@pytest.mark.parametrize(
    "cell", ["many", "1,5", "3 stars", "0x10", "nan", "inf", "-Infinity", "", math.nan, math.inf, None, True, [1.0]]
)
def test_cell_that_is_no_finite_number_is_refused_with_its_row(cell):
    with pytest.raises(RequestError) as refusal:
        read(1, "2", cell, cell)
    assert str(refusal.value).startswith(f"{WHERE} holds '{cell}' in row 3; ")
    assert "finite number" in str(refusal.value)


WILD = st.one_of(
    st.text(max_size=6),
    st.floats(),
    st.integers(-(10**30), 10**30),
    st.booleans(),
    st.none(),
    st.lists(st.floats(), max_size=2),
    st.dictionaries(st.text(max_size=1), st.none(), max_size=1),
    st.from_regex(r"[-+]?[0-9]{1,3}(\.[0-9]{0,3})?(e-?[0-9]{1,3})?", fullmatch=True),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(WILD, min_size=1, max_size=4))
def test_any_cells_are_finite_numbers_or_refused_by_name(cells):
    if all(map(is_finite_number, cells)):
        numbers = read(*cells)
        assert numbers == [float(cell) for cell in cells]
        assert all(isinstance(number, float) for number in numbers)
    else:
        row, cell = next((row, cell) for row, cell in enumerate(cells, 1) if not is_finite_number(cell))
        with pytest.raises(RequestError) as refusal:
            read(*cells)
        assert str(refusal.value).startswith(f"{WHERE} holds '{cell}' in row {row}; ")


def is_finite_number(cell):
    if not isinstance(cell, str | int | float) or isinstance(cell, bool):
        return False
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def test_numbers_that_are_all_the_same_are_refused():
    with pytest.raises(RequestError, match=r"^all numbers of the data are 2.5; a regression needs at least two$"):
        TASK.label_names([2.5, 2.5])
    assert TASK.label_names([2.5, 2.6]) == ("score",)


def test_row_without_a_number_is_not_a_number_and_zero_is_one():
    targets = TASK.targets([0.0, None, -1.0], ("score",))
    assert TASK.has_target(targets).tolist() == [True, False, True]
    assert TASK.labels_of(targets, ("score",)) == [0.0, None, -1.0]


def test_strata_are_tenths_from_the_lowest_to_the_highest_number():
    assert TASK.strata(np.arange(40.0)[::-1]).tolist() == [tenth for tenth in range(9, -1, -1) for _ in range(4)]
    assert np.bincount(TASK.strata(np.zeros(40))).tolist() == [4] * 10  # equal numbers are shared out


@pytest.mark.parametrize("rows", [1, 2, 5, 7, 19])
def test_every_stratum_of_a_few_rows_has_two_or_more(rows):
    counts = np.bincount(TASK.strata(np.random.default_rng(0).normal(size=rows)))
    assert counts.min() >= min(2, rows)


def test_decision_and_probability_are_the_number_itself():
    outputs = np.array([[1.5], [-2.0]], dtype=np.float32)
    assert TASK.decide(outputs).tolist() == [1.5, -2.0]
    assert TASK.probabilities(outputs).tolist() == [[1.5], [-2.0]]
    assert TASK.right(np.array([1.5, 2.0]), outputs) is None


def test_agreement_is_that_of_the_order():
    outputs = column([1, 2, 3, 4])
    assert TASK.agreement(outputs, column([10, 20, 30, 999])) == pytest.approx(1)
    assert TASK.agreement(outputs, column([4, 3, 2, 1])) == pytest.approx(-1)
    assert TASK.agreement(outputs, column([1, 3, 2, 4])) == pytest.approx(0.8)


def test_numbers_without_an_order_are_always_kept():
    assert TASK.kept(column([3, 3, 3]), column([3, 3.01, 2.99]), margin=0.1) == 1
    assert TASK.kept(column([1, 2, 3]), column([3, 3, 3]), margin=0.1) == 0


def test_unit_of_outputs_is_their_spread_but_never_below_one():
    assert TASK.unit_of_outputs(column([0, 10])) == 5
    assert TASK.unit_of_outputs(column([0, 0.1])) == 1


def test_middle_and_scale_are_those_of_the_numbers_that_are_known():
    targets = np.array([2.0, math.nan, 6.0])
    assert (TASK.middle(targets), TASK.scale(targets)) == (4, 2)
    assert TASK.scale(np.array([5.0, math.nan, 5.0])) == 1


def test_lower_squared_error_is_better_and_it_is_printed_as_it_is():
    error = next(metric for metric in TASK.metrics if metric.name == "mean_squared_error")
    assert (error.higher_is_better, error.unit) == (False, "")
    assert error(np.array([1e6, 1e6 + 2]), column([1e6 + 1, 1e6 + 2])) == pytest.approx(0.5)


def test_equal_numbers_are_measured_in_ones_and_agree_with_themselves():
    assert task_of("regression").scale(np.full(7, 3.3)) == 1
    assert task_of("regression").agreement(np.ones((5, 1)), np.ones((5, 1))) == 1


def test_correlation_of_draws_that_do_not_vary_is_none():
    targets, outputs = np.array([-1.34, 0.36, 1.51, -1.41]), np.array([[1.18], [0.37], [0.37], [-0.3]])
    pearson = next(metric for metric in task_of("regression").metrics if metric.name == "pearson")
    assert pearson.resampled(targets, outputs, np.array([[0, 0, 7, 0], [0, 3, 4, 0]])).tolist() == [0, 0]


def test_numbers_of_another_scale_are_in_the_same_order_and_teach_something_else():
    outputs = np.linspace(0, 5, 50)[:, None]
    for other in (3 * outputs + 7, 0.6 * outputs + 0.25):
        assert TASK.agreement(outputs, other) == pytest.approx(1)
        assert TASK.teaches_alike(outputs, other) < 0.9
    assert TASK.teaches_alike(outputs, outputs) == 1
    # an error of a hundredth of the spread, squared
    assert TASK.teaches_alike(outputs, outputs + 0.01 * outputs.std()) == pytest.approx(1 - 1e-4)
    assert TASK.teaches_alike(np.ones((3, 1)), np.zeros((3, 1))) == 0
