import pytest

from bench.scores.median import median_interval


@pytest.mark.parametrize(
    ("figures", "value", "low", "high", "coverage"),
    [
        ([3.0, 1.0], 2.0, 1.0, 3.0, 0.5),
        ([2.0, 9.0, 1.0], 2.0, 1.0, 9.0, 0.75),
        ([5.0, 1.0, 2.0, 4.0, 3.0], 3.0, 1.0, 5.0, 0.9375),
        ([6.0, 1.0, 2.0, 4.0, 3.0, 5.0], 3.5, 1.0, 6.0, 1 - 2 / 64),
        # 1 - 2 (1 + 9) / 512 = 96.1 %; the third from either end would hold the median with 82 % only
        ([float(number) for number in range(1, 10)], 5.0, 2.0, 8.0, 1 - 20 / 512),
    ],
)
def test_median_and_its_interval_are_those_by_hand(figures, value, low, high, coverage):
    interval = median_interval(figures)
    assert (interval.value, interval.low, interval.high) == (value, low, high)
    assert interval.coverage == pytest.approx(coverage)


def test_twenty_figures_leave_out_five_at_either_end():
    """The sign test's table: 20 figures, the 6th from either end, 95.86 %."""
    interval = median_interval(range(1, 21))
    assert (interval.low, interval.high) == (6, 15)
    assert interval.coverage == pytest.approx(0.9586, abs=1e-4)


@pytest.mark.parametrize("figures", [[], [4.0]])
def test_single_figure_has_no_interval(figures):
    assert median_interval(figures) is None
