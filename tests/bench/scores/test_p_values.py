import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, mannwhitneyu

from bench.scores.p_values import even_split_p, mann_whitney_p


@given(st.integers(0, 4000), st.integers(0, 4000))
@settings(deadline=None, max_examples=100)
def test_even_split_is_scipy_s_binomial_test(first, second):
    expected = binomtest(first, first + second).pvalue if first + second else 1.0
    # scipy rounds what is below some 1e-300 to 0.
    assert even_split_p(first, second) == pytest.approx(expected, rel=1e-9, abs=1e-250)


def test_even_split_by_hand():
    assert even_split_p(0, 3) == pytest.approx(2 / 8)
    assert even_split_p(4, 1) == pytest.approx(2 * (1 + 5) / 32)


@given(st.integers(5, 40), st.integers(5, 40), st.integers(0, 2**32 - 1), st.sampled_from([None, 0, 1]))
@settings(deadline=None, max_examples=200)
def test_mann_whitney_is_scipy_s_with_and_without_ties(base_count, new_count, seed, digits):
    generator = np.random.default_rng(seed)
    base, new = generator.normal(0, 1, base_count), generator.normal(generator.uniform(0, 3), 1, new_count)
    if digits is not None:
        base, new = base.round(digits), new.round(digits)
    expected = mannwhitneyu(base, new).pvalue
    if np.isnan(expected):  # where all values are equal
        expected = 1.0
    assert mann_whitney_p(base, new) == pytest.approx(expected, rel=1e-9, abs=1e-250)


def test_mann_whitney_of_five_below_five_by_hand():
    assert mann_whitney_p([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]) == pytest.approx(2 / 252)  # one of 10 over 5 orders


def test_mann_whitney_of_equal_values_is_no_difference():
    assert mann_whitney_p([1.0] * 6, [1.0] * 7) == 1.0
