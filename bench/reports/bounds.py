"""Conditions that make a comparison fail in CI, such as `latency_p50_ms>+5%` or `macro_f1<-0.5pt`."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields

from bench.record.comparison import Change
from bench.record.row import Row
from materials.errors import RequestError, unknown
from materials.tasks import TASKS

PATTERN = re.compile(r"\s*(?P<metric>\w+)\s*(?P<sign>[<>])\s*(?P<amount>[+-]?\d+(?:\.\d+)?)\s*(?P<unit>%|pt|)\s*")
TASK_METRICS = {metric.name: metric for task in TASKS.values() for metric in task().metrics}
METRICS = {
    *(field.name for field in fields(Row) if field.type in (float | None, int | None)),
    *TASK_METRICS,
} - {"seed", "batch_size"}

QUALITY_SHARES = ("accuracy", "macro_f1", "weighted_f1", "micro_f1", "agreement", "calibration_error", "gap_closed")
SHARES = (*QUALITY_SHARES, "stolen_share")
QUALITY = {*QUALITY_SHARES, *TASK_METRICS}


@dataclass(frozen=True, kw_only=True)
class Bound:
    """Fails where new - base of `metric` is beyond `amount`: a share of base (%), points (pt), or the metric's unit."""

    metric: str
    sign: str
    amount: float
    unit: str

    @property
    def title(self) -> str:
        """The condition as it was written."""
        return f"{self.metric}{self.sign}{self.amount:+g}{self.unit}"


def read_bound(text: str) -> Bound:
    """Parse a condition. Raises RequestError, with an example, for text that is none, and for an unknown metric."""
    match = PATTERN.fullmatch(text)
    if match is None:
        raise RequestError(
            f"--fail-if '{text}' is no condition; expected METRIC, > or <, and a change, such as 'latency_p50_ms>+5%' "
            "or 'macro_f1<-0.5pt'"
        )
    if match["metric"] not in METRICS:
        raise RequestError(unknown("metric", match["metric"], METRICS))
    in_points = [name for name, metric in TASK_METRICS.items() if metric.unit == "points"]
    if match["unit"] == "pt" and not match["metric"].startswith((*SHARES, *in_points)):
        raise RequestError(
            f"--fail-if '{text}': pt is for shares such as macro_f1; use % or the unit of {match['metric']}"
        )
    return Bound(metric=match["metric"], sign=match["sign"], amount=float(match["amount"]), unit=match["unit"])


def broken_bounds(bounds: Sequence[Bound], changes: Sequence[Change], lost_rows: Sequence[Row] = ()) -> list[str]:
    """Return a sentence for each file that breaks a bound and, if there is any bound, for each lost or failed in new.

    A time breaks a bound only if its test says that the change is no noise; a figure that new lacks always breaks it.
    Raises RequestError for a metric that no file has in base, which would pass whatever happened, and for one of
    quality where the test rows differ.
    """
    sentences = [
        f"{_title(change.new)} failed in new only: {change.new.error}"
        for change in changes
        if bounds and _broke(change)
    ]
    sentences += [f"{_title(row)} is in base only" for row in lost_rows if bounds and row.status != "failed"]
    for bound in bounds:
        measured_changes = [
            change for change in changes if _figure(change.base, bound.metric) is not None and not _broke(change)
        ]
        base_rows = [*(change.base for change in changes), *lost_rows]
        if all(_figure(row, bound.metric) is None for row in base_rows):
            raise RequestError(f"--fail-if {bound.title}: no file has {bound.metric} in base")
        if bound.metric in QUALITY and not all(change.same_rows for change in measured_changes):
            raise RequestError(
                f"--fail-if {bound.title}: {bound.metric} cannot be judged, as the runs have other test rows"
            )
        sentences += [sentence for change in measured_changes if (sentence := _sentence(bound, change))]
    return sentences


def _sentence(bound: Bound, change: Change) -> str | None:
    """How a file breaks a bound, or none."""
    if _figure(change.new, bound.metric) is None:
        return f"{_title(change.new)}: {bound.metric} is no longer measured ({bound.title})"
    amount = _change_of(bound, change)
    is_beyond = amount > bound.amount if bound.sign == ">" else amount < bound.amount
    time_change = change.times.get(bound.metric)
    if not is_beyond or (time_change is not None and not time_change.is_alarm):
        return None
    return f"{_title(change.new)}: {bound.metric} changed by {amount:+.3g}{bound.unit} ({bound.title})"


def _change_of(bound: Bound, change: Change) -> float:
    base_figure, new_figure = _figure(change.base, bound.metric), _figure(change.new, bound.metric)
    if base_figure is None or new_figure is None:
        raise ValueError(f"{bound.metric} is missing")
    difference = float(new_figure - base_figure)
    if bound.unit == "%":
        if base_figure:
            return difference / base_figure * 100
        return math.copysign(math.inf, difference) if difference else 0.0
    return difference * 100 if bound.unit == "pt" else difference


def _figure(row: Row, metric: str) -> float | None:
    """A figure of a row by its name, be it a field or a metric of its task."""
    score = row.score(metric) if metric in TASK_METRICS else None
    value: float | None = score.value if score else getattr(row, metric, None)
    return value


def _broke(change: Change) -> bool:
    return change.new.status == "failed" and change.base.status != "failed"


def _title(row: Row) -> str:
    seed = "" if row.seed is None else f", seed {row.seed}"
    return f"{row.model} as {row.format}{seed}"
