"""The files that no other beats, and the knee of their front: where more quality begins to cost much more time."""

import math
from collections.abc import Sequence

from bench.record.row import Row
from bench.reports.report import best_tradeoffs

WORTH = 0.005  # half a point of the headline: a difference that is worth a word, and that may be given for speed


def files_of_one_seed(rows: Sequence[Row]) -> list[Row]:
    """The sound files with a headline, of the first seed that was timed: every seed has test rows of its own."""
    sound_rows = [row for row in rows if row.status != "failed" and row.headline is not None]
    timed_rows = [row for row in sound_rows if row.latency_p50_ms is not None] or sound_rows
    seeds = [row.seed for row in timed_rows if row.seed is not None]
    return [row for row in timed_rows if not seeds or row.seed in (None, seeds[0])]


def front_of(rows: Sequence[Row]) -> list[Row]:
    """The rows that no other beats in both the headline and batch-1 p50, fastest first."""
    front = [rows[number] for number in best_tradeoffs(rows)]
    return sorted(front, key=lambda row: row.latency_p50_ms or 0)


def knee_of(front: Sequence[Row]) -> Row:
    """The row furthest above the line from the front's fastest to its best, among all but its best's teacher.

    The headline and the logarithm of p50 are both scaled to 0..1, as in Satopaa et al. 2011 ("Finding a 'kneedle' in a
    haystack"). Of rows as far from it the better one is taken. Raises ValueError for a front without a row.
    """
    candidates = [row for row in front if row.role == "student"] or list(front)
    if not candidates:
        raise ValueError("a front without a row has no knee")
    times = [math.log(row.latency_p50_ms or 1) for row in front]
    scores = [goodness(row) for row in front]

    def height(row: Row) -> tuple[float, float]:
        score = _scaled(goodness(row), scores) - _scaled(math.log(row.latency_p50_ms or 1), times)
        return round(score, 9), goodness(row)

    return max(candidates, key=height)


def goodness(row: Row) -> float:
    """The headline, so that more is better. Raises ValueError for a row without one."""
    if row.headline is None:
        raise ValueError(f"{row.model} as {row.format} has no {row.headline_metric.title}")
    return row.headline.value if row.headline_metric.higher_is_better else -row.headline.value


def _scaled(value: float, values: Sequence[float]) -> float:
    low, high = min(values), max(values)
    return (value - low) / (high - low) if high > low else 0.0
