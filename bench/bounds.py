"""Conditions that make a comparison fail in CI, such as `latency_p50_ms>+5%` or `macro_f1<-0.5pt`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields

from bench.comparison import Change
from bench.row import Row
from materials.errors import RequestError, unknown

PATTERN = re.compile(r"\s*(?P<metric>\w+)\s*(?P<sign>[<>])\s*(?P<amount>[+-]?\d+(?:\.\d+)?)\s*(?P<unit>%|pt|)\s*")
METRICS = {field.name for field in fields(Row) if field.type in (float | None, int | None)} - {"seed", "batch_size"}


@dataclass(frozen=True, kw_only=True)
class Bound:
    """Fails where new - base of `metric` is beyond `amount`: a share of base (%), points (pt), or the metric's unit."""

    metric: str
    sign: str
    amount: float
    unit: str

    @property
    def title(self) -> str:
        """As it was written."""
        return f"{self.metric}{self.sign}{self.amount:+g}{self.unit}"


def read_bound(text: str) -> Bound:
    """The bound of a text. Raises RequestError for what is none, with an example, and for an unknown metric."""
    match = PATTERN.fullmatch(text)
    if match is None:
        raise RequestError(
            f"--fail-if '{text}' is no condition; expected METRIC, > or <, and a change, such as 'latency_p50_ms>+5%' "
            "or 'macro_f1<-0.5pt'"
        )
    if match["metric"] not in METRICS:
        raise RequestError(unknown("metric", match["metric"], METRICS))
    return Bound(metric=match["metric"], sign=match["sign"], amount=float(match["amount"]), unit=match["unit"])


def broken_bounds(bounds: Sequence[Bound], changes: Sequence[Change]) -> list[str]:
    """A sentence for every file that breaks a bound.

    A time breaks one only if its test says that it is no noise. Raises RequestError for a metric that no file has on
    both sides, which would pass whatever happened.
    """
    broken = []
    for bound in bounds:
        pairs = [(change, _change_of(bound, change)) for change in changes]
        known = [(change, amount) for change, amount in pairs if amount is not None]
        if not known:
            raise RequestError(f"--fail-if {bound.title}: no file has {bound.metric} in both base and new")
        for change, amount in known:
            beyond = amount > bound.amount if bound.sign == ">" else amount < bound.amount
            if beyond and not _is_noise(bound, change):
                name = f"{change.new.model} as {change.new.format}"
                broken.append(f"{name}: {bound.metric} changed by {amount:+.3g}{bound.unit} ({bound.title})")
    return broken


def _change_of(bound: Bound, change: Change) -> float | None:
    old, new = getattr(change.base, bound.metric), getattr(change.new, bound.metric)
    if old is None or new is None or (bound.unit == "%" and old == 0):
        return None
    difference = float(new - old)
    return {"%": difference / old * 100 if old else 0.0, "pt": difference * 100, "": difference}[bound.unit]


def _is_noise(bound: Bound, change: Change) -> bool:
    tested = change.times.get(bound.metric)
    return tested is not None and tested.p >= 0.01
