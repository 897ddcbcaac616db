"""Rows to calibrate and judge on come from all over."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bench.steps.export import spread_out
from materials.rows import Rows


def sorted_rows(count):
    """Rows sorted by class, a hundredth of them of the last one."""
    targets = (np.arange(count) >= count * 0.99).astype(int)
    return Rows(items=[f"row {number}" for number in range(count)], targets=targets)


@given(st.integers(1, 400), st.integers(1, 400))
def test_rows_are_as_many_as_asked_for_and_no_row_comes_twice(count, wanted):
    rows = spread_out(sorted_rows(count), wanted)
    assert len(rows) == min(count, wanted)
    assert len(set(rows.items)) == len(rows)


def test_both_ends_of_a_sorted_file_are_among_them():
    assert set(spread_out(sorted_rows(10_000), 300).targets.tolist()) == {0, 1}


def test_the_first_of_them_are_from_all_over_too():
    numbers = [int(item.split()[1]) for item in spread_out(sorted_rows(10_000), 300).items[:50]]
    assert min(numbers) < 1000
    assert max(numbers) > 9000
