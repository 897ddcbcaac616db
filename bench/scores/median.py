"""A median of few figures, such as those of several launches, and the interval that their order alone gives."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np

LEVEL = 0.95


@dataclass(frozen=True, kw_only=True)
class MedianInterval:
    """A median of figures, and two of the figures that hold the true median with the probability `coverage`."""

    value: float
    low: float
    high: float
    coverage: float


def median_interval(figures: Sequence[float]) -> MedianInterval | None:
    """The median of independent figures with its interval from order statistics; none for a single figure.

    Of n figures in order, the k-th from below and the k-th from above hold the true median with the probability
    1 - 2 (C(n, 0) + ... + C(n, k - 1)) / 2^n, whatever the figures' distribution: each figure lies below the median as
    often as a coin falls on one side (Thompson 1936; Conover 1999, section 3.2). The interval is the narrowest that
    reaches 95 %. Fewer than six figures do not reach that: there it is the lowest and the highest of them, with the
    coverage 1 - 2^(1 - n): 50 % for two, 75 % for three, 87.5 % for four, 93.75 % for five.
    """
    count = len(figures)
    if count < 2:
        return None
    ordered = sorted(figures)
    rank = max((k for k in range(1, count // 2 + 1) if _coverage(count, k) >= LEVEL), default=1)
    return MedianInterval(
        value=float(np.median(ordered)),
        low=float(ordered[rank - 1]),
        high=float(ordered[count - rank]),
        coverage=_coverage(count, rank),
    )


def _coverage(count: int, rank: int) -> float:
    """How surely the figures of this rank from below and from above hold the true median between them."""
    return 1.0 - 2.0 * sum(comb(count, below) for below in range(rank)) / 2.0**count
