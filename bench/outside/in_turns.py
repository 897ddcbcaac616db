"""What changed between two models that are timed in turns: quality on the same rows, and time."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.harness.isolation import MeasurementFailed, measure_in_fresh_process
from bench.harness.launches.speed import BestSpeed
from bench.harness.measurement import Measurement, read_measurement
from bench.harness.workload import USUAL_SCENARIOS, Workload
from bench.outside.opened import OpenedModel, check_labels, in_label_order, peculiarities
from bench.record.comparison import RATES, TIMED, Change, Comparison
from bench.record.machine import describe_machine
from bench.record.quality import with_quality
from bench.record.row import Row
from bench.reports.screen import Screen
from bench.scores.significance import compare_quality, compare_times
from bench.steps.outcome.rows import describe_row
from materials.errors import RequestError
from materials.files import cache_folder
from materials.modalities import Item
from materials.rows import Rows

LAUNCH_SECONDS = 0.3


@dataclass(frozen=True, kw_only=True)
class Launches:
    """How often each model is launched, and under which title that is shown."""

    count: int
    title: str = "launches"


def compare_models(
    models: Sequence[OpenedModel], rows: Rows, workload: Workload, *, launches: int, screen: Screen
) -> Comparison:
    """Time two models in turns, A B A B, each launch a fresh process, and compare their quality on the same rows.

    The unit of the test is a launch's median: processes differ in their memory layout, calls within one do not.
    The workload says what is timed: one text, many at once, or both. Raises RequestError when a model cannot be
    measured, or answers another question than the first.
    """
    if others := set(workload.scenarios) - set(USUAL_SCENARIOS):
        raise RequestError(f"--scenarios: models are compared by {' and '.join(USUAL_SCENARIOS)}; got {min(others)!r}")
    first = models[0].bundle
    for model in models:
        check_labels(model, first)
    turns = launch_in_turns(models, rows.items, workload, Launches(count=launches), screen)
    for model, measurements in zip(models, turns, strict=True):
        for sentence in peculiarities(model, measurements[0]):
            screen.notice(sentence)
    measured = [
        [in_label_order(measurement, model.bundle, first.label_names) for measurement in measurements]
        for model, measurements in zip(models, turns, strict=True)
    ]
    base, new = (
        _launched_row(model, measurements, rows, workload, first.label_names)
        for model, measurements in zip(models, measured, strict=True)
    )
    times = {
        name: compare_times(*([_time(launch, name) for launch in measurements] for measurements in measured))
        for name in (*TIMED, *RATES)
        if all(name in launch.figures for measurements in measured for launch in measurements)
    }
    quality = None
    if first.task.has_target(rows.targets).all() and "failed" not in (base.status, new.status):
        quality = compare_quality(first.task, rows.targets, *(measurements[0].logits for measurements in measured))
    failures = [f"{row.model} failed: {row.error}" for row in (base, new) if row.status == "failed"]
    return Comparison(
        changes=[Change(base=base, new=new, quality=quality, times=times)],
        warnings=[*failures, *_disturbed([launch for measurements in measured for launch in measurements])],
    )


def launch_in_turns(
    models: Sequence[OpenedModel], items: Sequence[Item], workload: Workload, launches: Launches, screen: Screen
) -> list[list[Measurement]]:
    """The measurements of the launches of two models, A B A B. Raises RequestError when one cannot be measured.

    A launch that is not quiet is not made again: taking turns is what keeps it from looking like a difference.
    """
    best = BestSpeed(cache_folder(), describe_machine())
    measurements: list[list[Measurement]] = [[], []]
    total, title = 2 * launches.count, f"{launches.title}: {launches.count} of each, in turns"
    with screen.step(title) as report, tempfile.TemporaryDirectory() as work:
        for number in range(total):
            turn = number % 2
            folder = Path(work) / str(number)
            folder.mkdir()
            short = replace(
                workload,
                model=str(models[turn].place.resolve()),
                modality=models[turn].bundle.modality,
                seconds=min(workload.seconds, LAUNCH_SECONDS),
            )
            try:
                measure_in_fresh_process(short, items, folder)
            except MeasurementFailed as failure:
                raise RequestError(f"{models[turn].place} could not be measured: {failure}") from None
            measurements[turn].append(read_measurement(folder))
            best.remember(measurements[turn][-1].figures)
            report(number + 1, total)
    return [[best.judged(launch) for launch in of_model] for of_model in measurements]


def _time(launch: Measurement, name: str) -> float:
    """A time of a launch, or the seconds a text of a rate."""
    figure = float(launch.figures[name])
    return 1 / figure if name in RATES else figure


def _disturbed(launches: Sequence[Measurement]) -> list[str]:
    """How many launches were not quiet, and why the worst of them was not; nothing where all were."""
    noisy = [launch.figures for launch in launches if launch.figures["noise"]]
    if not noisy:
        return []
    worst = max(noisy, key=lambda figures: figures.get("slowdown") or 1.0)
    return [f"{len(noisy)} of {len(launches)} launches were not quiet; the slowest of them: {worst['noise']}"]


def _launched_row(
    model: OpenedModel,
    launches: Sequence[Measurement],
    rows: Rows,
    workload: Workload,
    label_names: Sequence[str],
) -> Row:
    """The row of the first launch, its times the medians over all launches; outputs are in the order of the names."""
    first, task = launches[0], model.bundle.task
    row = describe_row(
        model.bundle, first, model=model.title, role="foreign", threads=workload.threads, device=workload.device
    )
    medians: dict[str, Any] = {
        name: float(np.median([launch.figures[name] for launch in launches]))
        for name in (*TIMED, *RATES)
        if name in first.figures
    }
    row = replace(row, **medians)
    if not task.has_target(rows.targets).all():
        return row
    return with_quality(row, task, rows.targets, first.logits, label_names)
