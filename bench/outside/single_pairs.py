"""A file against itself, one launch a side, as two runs would have measured it."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from bench.harness.isolation import MeasurementFailed
from bench.harness.launches.quiet import measure_quietly
from bench.harness.launches.speed import TOLERANCE, BestSpeed
from bench.harness.measurement import Measurement, read_measurement
from bench.harness.workload import Workload
from bench.outside.in_turns import LAUNCH_SECONDS
from bench.outside.opened import OpenedModel
from bench.record.comparison import RECORDED_RATIO, TIMED, recorded_change
from bench.record.machine import describe_machine
from bench.reports.screen import Screen
from bench.scores.significance import TimeChange
from materials.errors import RequestError
from materials.files import cache_folder
from materials.modalities import Item

TRIES = 6


@dataclass(frozen=True, kw_only=True)
class SingleLaunch:
    """A launch, and the medians of its rounds in milliseconds by the names of figures in a row."""

    measurement: Measurement
    rounds: dict[str, list[float]]


def single_pairs(
    models: Sequence[OpenedModel], items: Sequence[Item], workload: Workload, screen: Screen
) -> list[dict[str, Any]]:
    """One pair for each of the models: plain content, as `self-check` writes it.

    All first launches come before all second ones, so that those of a pair lie apart as two runs do. A launch that is
    not quiet is made again, up to six in all. Raises RequestError when a model cannot be measured.
    """
    best = BestSpeed(cache_folder(), describe_machine())
    launches: list[SingleLaunch] = []
    with screen.step(f"A/A: {len(models)} pairs of one launch a side") as report:
        for number, model in enumerate([*models, *models]):
            launches.append(_launch(model, items, workload, best))
            report(number + 1, 2 * len(models))
    judged = [replace(launch, measurement=best.judged(launch.measurement)) for launch in launches]
    return [
        _pair(model, base, new)
        for model, base, new in zip(models, judged[: len(models)], judged[len(models) :], strict=True)
    ]


def single_note(quiet_pairs: int, pairs: int) -> str:
    """What an alarm is here, and how many pairs counted."""
    missing = "" if quiet_pairs == pairs else "; the check passes only where all are, so make it again in quiet"
    return (
        f"an alarm: Mann-Whitney p < 0.01 on the medians of rounds and a ratio beyond {RECORDED_RATIO:.0%}, as "
        "`compare` judges two runs; the launches of a pair lie half of the check apart; only quiet ones count (the "
        f"processor within {TOLERANCE:.0%} of its best, no neighbours): {quiet_pairs} of {pairs} pairs{missing}"
    )


def described(base: Sequence[float], new: Sequence[float], change: TimeChange) -> dict[str, Any]:
    """The p50 of the launches of both sides, and how they were judged, as plain content."""
    return {
        "base": list(base),
        "new": list(new),
        "ratio": change.ratio.value,
        "p": change.p,
        "alarm": change.is_alarm,
    }


def _launch(model: OpenedModel, items: Sequence[Item], workload: Workload, best: BestSpeed) -> SingleLaunch:
    short = replace(
        workload,
        model=str(model.place.resolve()),
        modality=model.bundle.modality,
        scenarios=("single-stream",),
        seconds=min(workload.seconds, LAUNCH_SECONDS),
        with_outputs=False,
    )
    with tempfile.TemporaryDirectory() as folder:
        try:
            measure_quietly(short, items, Path(folder), best, tries=TRIES)
        except MeasurementFailed as failure:
            raise RequestError(f"{model.place} could not be measured: {failure}") from None
        measurement = read_measurement(Path(folder))
        samples = pd.concat([pd.read_parquet(file) for file in measurement.samples])
    times = samples[samples["scenario"] == "single-stream"].groupby(["figure", "round"])["nanoseconds"].median() / 1e6
    rounds = {name: times[figure].tolist() for name, figure in TIMED.items() if figure in times.index}
    return SingleLaunch(measurement=measurement, rounds=rounds)


def _pair(model: OpenedModel, base: SingleLaunch, new: SingleLaunch) -> dict[str, Any]:
    figures = {}
    for name in base.rounds:
        if change := recorded_change([base.rounds[name]], [new.rounds[name]]):
            figures[name] = described([base.measurement.figures[name]], [new.measurement.figures[name]], change)
    sides = [side.measurement.figures for side in (base, new)]
    return {
        "model": model.title,
        "figures": figures,
        "noise": sorted({side["noise"] for side in sides if side["noise"]}),
        "slowdowns": [side["slowdown"] for side in sides],
        "tries": [side["tries"] for side in sides],
        "seconds": LAUNCH_SECONDS,
    }
