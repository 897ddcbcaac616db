"""A figure and how sure it is."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A figure and the 2.5 % and 97.5 % points of its bootstrap distribution."""

    value: float
    low: float
    high: float


def interval_of(value: float, draws: np.ndarray) -> Interval:
    """A figure with the interval of its bootstrap draws (draws,)."""
    low, high = np.quantile(draws, [0.025, 0.975])
    return Interval(value=value, low=float(low), high=float(high))
