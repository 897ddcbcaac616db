"""Means over seeds: one group for each model in each format."""

from collections.abc import Sequence
from statistics import mean

import numpy as np

from bench.record.row import Group, Row
from bench.scores.significance import t_interval
from bench.steps.models import Measured
from bench.steps.outcome.rows import Runs


def make_groups(runs: Runs, rows: Sequence[Row]) -> list[Group]:
    """The means over seeds of every model and format whose rows are all sound; rows are in the order of the files."""
    members: dict[tuple[str, str], list[int]] = {}
    for number, file in enumerate(runs.measured):
        members.setdefault((file.model.title, file.format), []).append(number)
    return [
        _group([runs.measured[number] for number in numbers], [rows[number] for number in numbers], runs)
        for numbers in members.values()
        if all(runs.is_sound(runs.measured[number]) for number in numbers)
    ]


def _group(files: Sequence[Measured], rows: Sequence[Row], runs: Runs) -> Group:
    first = rows[0]
    scores = np.array([row.headline.value for row in rows if row.headline], dtype=float)
    accuracies = [row.accuracy for row in rows if row.accuracy is not None]
    gap, interval = runs.gap(files), t_interval(scores)
    return Group(
        model=first.model,
        role=first.role,
        task=first.task,
        architecture=first.architecture,
        objective_title=first.objective_title,
        transfer_rows=_mean_count([row.transfer_rows for row in rows]),
        format=first.format,
        seeds=len(rows),
        headline=float(scores.mean()),
        headline_spread=float(scores.std(ddof=1)) if len(rows) > 1 else None,
        headline_low=interval.low if interval else None,
        headline_high=interval.high if interval else None,
        accuracy=float(np.mean(accuracies)) if accuracies else None,
        gap_closed=gap.value if gap else None,
        gap_closed_low=gap.low if gap else None,
        gap_closed_high=gap.high if gap else None,
    )


def _mean_count(counts: Sequence[int | None]) -> int | None:
    known_counts = [count for count in counts if count is not None]
    return round(mean(known_counts)) if known_counts else None
