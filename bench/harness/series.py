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
        # The slack is for 99.9, whose distance from 100 is a little under 0.1 in floating point.
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
        round_times = times[: rounds * self.round_calls].reshape(rounds, self.round_calls)
        generator = np.random.default_rng(0)  # always the same draws, so that a report can be made again
        draws = [np.median(round_times[generator.integers(rounds, size=rounds)]) for _ in range(DRAWS)]
        low, high = np.quantile(draws, [0.025, 0.975])
        return Interval(value=float(np.median(times)), low=float(low), high=float(high))


def save_series(all_series: Sequence[Series], file: Path) -> None:
    """Every single time as one line of a Parquet file."""
    import pandas as pd

    frames = [
        pd.DataFrame(
            {
                "scenario": series.scenario,
                "figure": series.figure,
                "batch_size": series.batch_size,
                "texts": series.texts,
                "length_tokens": pd.array([series.length_tokens] * len(series.nanoseconds), dtype="Int64"),
                "rate_per_second": np.nan if series.rate_per_second is None else series.rate_per_second,
                "round": np.arange(len(series.nanoseconds)) // series.round_calls,
                "nanoseconds": series.nanoseconds,
            }
        )
        for series in all_series
    ]
    pd.concat(frames).to_parquet(file, index=False)
