"""What several launches of one file come to: the median of the launches, and how sure it is."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bench.harness.launches.speed import BestSpeed
from bench.harness.measurement import Measurement
from bench.scores.median import median_interval

PREFIXES = ("", "end_to_end_")
# With an interval, whose ends stand before the unit: latency_p50_low_ms, texts_per_second_low.
P50, RATE = ("latency_p50", "_ms"), ("texts_per_second", "")
MEDIANS = (
    *(f"{prefix}latency_{percentile}_ms" for prefix in PREFIXES for percentile in ("p90", "p99", "p999")),
    *("load_ms", "first_call_ms", "cuda_events_p50_ms", "server_texts_per_second", "server_p99_ms"),
    *("energy_mj_per_text", "busy_cores_before", "busy_cores_during", "stolen_share", "slowdown"),
)
OF_A_LAUNCH = (
    *(f"{prefix}{name}{unit}" for prefix in PREFIXES for name, unit in (P50, RATE)),
    *("measured_at", "noise", "slowdown", "tries", "probes"),
)


def merge_launches(launches: Sequence[Measurement], best: BestSpeed) -> Measurement:
    """The measurement of a file from all its launches, judged by the best speed as it is known now.

    `launches` among its figures says what each came to. Times and rates are the medians of the launches, and their
    intervals those of `median_interval`; a single launch keeps its own, over its rounds. Outputs, memory and what was
    set are those of the first launch. The file counts as noisy when half of its launches or more were: with fewer, the
    median lies among the quiet ones.
    """
    judged_launches = [best.judged(launch) for launch in launches]
    figures = [launch.figures for launch in judged_launches]
    if not launches[0].samples:
        return launches[0]
    summaries = [{name: each.get(name) for name in OF_A_LAUNCH} for each in figures]
    first = judged_launches[0]
    merged = {**first.figures, "launches": summaries}
    if len(figures) > 1:
        merged |= _medians(figures) | {"noise": _noise(figures)}
    return replace(first, figures=merged, samples=tuple(file for launch in launches for file in launch.samples))


def _medians(figures: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    medians: dict[str, Any] = {}
    for name in MEDIANS:
        if name in figures[0]:
            medians[name] = _median([each.get(name) for each in figures])
    for prefix in PREFIXES:
        for stem, unit in (P50, RATE):
            if f"{prefix}{stem}{unit}" in figures[0]:
                medians |= _with_interval(f"{prefix}{stem}", unit, figures)
        if (size := f"{prefix}batch_size") in figures[0]:
            medians[size] = _nearest(figures, f"{prefix}{RATE[0]}", medians[f"{prefix}{RATE[0]}"])[size]
    if "sweep" in figures[0]:
        shapes = zip(*(each["sweep"] for each in figures), strict=True)
        medians["sweep"] = [
            {**points[0], "latency_p50_ms": _median([point["latency_p50_ms"] for point in points])} for points in shapes
        ]
    return medians


def _with_interval(stem: str, unit: str, figures: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    interval = median_interval([each[f"{stem}{unit}"] for each in figures])
    if interval is None:
        raise ValueError("an interval needs two launches or more")
    ends = {"": interval.value, "_low": interval.low, "_high": interval.high}
    return {f"{stem}{end}{unit}": value for end, value in ends.items()}


def _median(values: Sequence[float | None]) -> float | None:
    """The median; none where some launch lacks the figure, such as a percentile that its samples did not support."""
    numbers = [value for value in values if value is not None]
    return float(np.median(numbers)) if numbers and len(numbers) == len(values) else None


def _nearest(figures: Sequence[Mapping[str, Any]], name: str, value: float) -> Mapping[str, Any]:
    """The figures of the launch whose figure of this name is nearest to a value."""
    return min(figures, key=lambda each: abs(each[name] - value))


def _noise(figures: Sequence[Mapping[str, Any]]) -> str | None:
    """Why half of the launches or more were not quiet; none where fewer were."""
    reasons = [each["noise"] for each in figures if each["noise"]]
    if 2 * len(reasons) < len(figures):
        return None
    return f"{len(reasons)} of {len(figures)} launches: {'; '.join(dict.fromkeys(reasons))}"
