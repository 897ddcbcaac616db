"""Raw times, and the figures that they support."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.scores.interval import Interval

DRAWS = 400
ENOUGH_BEYOND = 10
ENOUGH_ROUNDS = 5


@dataclass(frozen=True, kw_only=True)
class Series:
    """The times of equal calls, in nanoseconds and in the order they were taken.

    `texts` is how many texts one time stands for; `round_calls` how many times make a round over the same texts.
    """

    scenario: str
    figure: str
    batch_size: int
    texts: int
    nanoseconds: np.ndarray
    round_calls: int = 1
    length_tokens: int | None = None
    rate_per_second: float | None = None

    @property
    def median_ms(self) -> float:
        """The median in milliseconds."""
        return float(np.median(self.nanoseconds)) / 1e6

    def percentile_ms(self, percent: float) -> float | None:
        """A percentile in milliseconds, or none with fewer than 10 samples beyond it."""
        if len(self.nanoseconds) * (100 - percent) < 100 * ENOUGH_BEYOND - 1e-6:
            return None
        return float(np.percentile(self.nanoseconds, percent)) / 1e6

    def median_interval_ms(self) -> Interval | None:
        """The median with its 95 % bootstrap interval over whole rounds; none with fewer than five.

        Rounds are drawn whole because the times of one round are not independent: they share the machine's state.
        """
        times = self.nanoseconds / 1e6
        rounds = len(times) // self.round_calls
        if rounds < ENOUGH_ROUNDS:
            return None
        units = times[: rounds * self.round_calls].reshape(rounds, self.round_calls)
        generator = np.random.default_rng(0)
        draws = [np.median(units[generator.integers(len(units), size=len(units))]) for _ in range(DRAWS)]
        low, high = np.quantile(draws, [0.025, 0.975])
        return Interval(value=float(np.median(times)), low=float(low), high=float(high))


def save_series(series: Sequence[Series], file: Path) -> None:
    """Every single time as one line of a Parquet file."""
    import pandas as pd

    frames = [
        pd.DataFrame(
            {
                "scenario": one.scenario,
                "figure": one.figure,
                "batch_size": one.batch_size,
                "texts": one.texts,
                "length_tokens": pd.array([one.length_tokens] * len(one.nanoseconds), dtype="Int64"),
                "rate_per_second": np.nan if one.rate_per_second is None else one.rate_per_second,
                "round": np.arange(len(one.nanoseconds)) // one.round_calls,
                "nanoseconds": one.nanoseconds,
            }
        )
        for one in series
    ]
    pd.concat(frames).to_parquet(file, index=False)
