"""The command `measure`: any bundles, and anybody's models, on rows of a file, side by side in one table."""

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bench.commands.show import show_run
from bench.harness.isolation import MeasurementFailed
from bench.harness.launches.quiet import Patience, measure_quietly
from bench.harness.launches.speed import BestSpeed
from bench.harness.launches.turns import launch_files
from bench.harness.measurement import Measurement, read_measurement
from bench.harness.workload import Workload
from bench.outside.columns import Columns
from bench.outside.opened import OpenedModel, check_labels, in_label_order, open_place, peculiarities, read_rows
from bench.recipe.measuring import Measuring
from bench.record.machine import check_device, describe_machine
from bench.record.predictions import Artefact
from bench.record.quality import with_quality
from bench.record.row import Row
from bench.record.run_file import describe_run
from bench.reports.run_folder import prove_writable, save_run
from bench.reports.screen import Screen
from bench.steps.outcome.rows import describe_row
from bench.steps.outcome.speedups import with_speedups
from export.bundle import Bundle
from materials.errors import RequestError
from materials.files import cache_folder
from materials.rows import Rows
from peers import PEERS


@dataclass(frozen=True, kw_only=True)
class MeasureRequest:
    """Which models to measure on which rows; `workload` holds how, its model left empty, for each of the launches."""

    models: tuple[Path, ...]
    data: Path
    columns: Columns
    workload: Workload
    output: Path
    launches: int = 1


def make_workload(
    *,
    threads: int,
    device: str,
    label_names: str | None,
    max_length_tokens: int | None,
    affinity: str | None = None,
    allow_code: bool = False,
    **timing: Any,
) -> Workload:
    """A workload from the words of the command line. Raises RequestError for one that a recipe would refuse."""
    lists = {name: value.split(",") if isinstance(value, str) else value for name, value in timing.items()}
    try:
        measuring = Measuring.model_validate({**lists, "affinity": affinity.split(",") if affinity else ()})
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).replace("_", "-") if first["loc"] else "affinity"
        value = first["input"] if first["loc"] else affinity
        raise RequestError(f"--{name}: {str(first['msg']).removeprefix('Value error, ')}; got {value!r}") from None
    check_device(device)
    names = tuple(name.strip() for name in label_names.split(",")) if label_names else None
    if names and (twice := [name for name in names if names.count(name) > 1]):
        raise RequestError(f"--labels names '{twice[0]}' twice; expected a name of its own for each output")
    return Workload(
        model="",
        threads=threads,
        device=device,
        label_names=names,
        max_length_tokens=max_length_tokens,
        allow_code=allow_code,
        **measuring.of_a_launch,
    )


def measure_models(request: MeasureRequest) -> int:
    """Measure every model, write a run folder, print its table; 1 when a row failed, else 0.

    Raises RequestError when the rows, the output folder or all models cannot be used; one model of several becomes a
    failed row.
    """
    screen = Screen()
    prove_writable(request.output)
    models, rows, refused = _open_all(request, screen)
    first = models[0].bundle
    if not first.task.has_target(rows.targets).any():
        screen.notice(f"{request.data} has no labels, so quality stays blank; name their column with --label")
    with tempfile.TemporaryDirectory() as work:
        artefacts = [
            Artefact(
                row=_row(request, model, measurement, rows, first),
                source=None,
                measurement=measurement,
                test_rows=rows,
                label_names=first.label_names,
            )
            for model, measurement in zip(models, _in_turns(request, models, rows, Path(work), screen), strict=True)
        ]
        measured = [*with_speedups([artefact.row for artefact in artefacts]), *refused]
        finished = describe_run(request.output.name, measured, threads=request.workload.threads)
        save_run(finished, artefacts, request.output)
    show_run(request.output, "rich", everything=True)
    screen.notice(f"run.json, table.md and the raw samples are in {request.output}")
    return 1 if any(row.status == "failed" for row in measured) else 0


def _open_all(request: MeasureRequest, screen: Screen) -> tuple[list[OpenedModel], Rows, list[Row]]:
    """The models that can be measured, the rows as the first of them reads them, and a failed row for each other."""
    models: list[OpenedModel] = []
    rows: Rows | None = None
    refused = []
    for place in request.models:
        try:
            model = open_place(
                place,
                request.columns,
                label_names=request.workload.label_names,
                max_length_tokens=request.workload.max_length_tokens,
                allow_code=request.workload.allow_code,
                others=models,
            )
            if rows is None:
                rows = read_rows(request.data, request.columns, model.bundle, place=place)
            check_labels(model, models[0].bundle if models else model.bundle)
            models.append(model)
        except RequestError as error:
            if len(request.models) == 1:
                raise
            screen.notice(f"not measured: {error}")
            refused.append(_refused_row(place, str(error), request))
    if rows is None or not models:
        raise RequestError(f"none of the {len(refused)} models can be measured; the first: {refused[0].error}")
    return models, rows, [replace(row, task=models[0].bundle.task.name) for row in refused]


def _refused_row(place: Path, error: str, request: MeasureRequest) -> Row:
    return Row(
        model=place.name,
        role="foreign",
        task="single-label",
        device=request.workload.device,
        threads=request.workload.threads,
        status="failed",
        error=error,
        architecture="unknown",
        objective=None,
        objective_title=None,
        transfer_rows=None,
        seed=None,
        format="unknown",
        parity="none",
        parameters=None,
        size_bytes=None,
    )


def _in_turns(
    request: MeasureRequest, models: Sequence[OpenedModel], rows: Rows, work: Path, screen: Screen
) -> list[Measurement | str]:
    """The measurement of each model, its outputs in the order of the first model's labels; or why there is none."""
    best, patience = BestSpeed(cache_folder(), describe_machine()), Patience()
    label_names = models[0].bundle.label_names

    def launch(position: int, number: int) -> Measurement:
        model, folder = models[position], work / f"{position}-{number}"
        folder.mkdir()
        workload = replace(
            request.workload,
            model=str(model.place.resolve()),
            modality=model.bundle.modality,
            with_outputs=number == 0,
        )
        again = f", launch {number + 1}" if number else ""
        with screen.step(f"measuring {model.title} as {model.bundle.format}{again}"):
            measure_quietly(workload, rows.items, folder, best, patience=patience)
        measurement = read_measurement(folder)
        if number:
            return measurement
        try:
            ordered = in_label_order(measurement, model.bundle, label_names)
        except RequestError as error:  # of one model among others: a row that says why
            raise MeasurementFailed(str(error)) from None
        for sentence in peculiarities(model, measurement):
            screen.notice(sentence)
        return ordered

    def tell(position: int, reason: str) -> None:
        screen.notice(f"{models[position].title} could not be measured: {reason}")

    return launch_files([request.launches] * len(models), launch, best, on_failure=tell)


def _row(request: MeasureRequest, model: OpenedModel, measurement: Measurement | str, rows: Rows, first: Bundle) -> Row:
    bundle, workload = model.bundle, request.workload
    row = describe_row(
        bundle, measurement, model=model.title, role=_role(bundle), threads=workload.threads, device=workload.device
    )
    row = replace(row, seed=bundle.made.get("seed"), bundle=os.path.relpath(model.place, request.output))
    if isinstance(measurement, str) or not first.task.has_target(rows.targets).all():
        return row
    return with_quality(row, first.task, rows.targets, measurement.logits, first.label_names)


def _role(bundle: Bundle) -> str:
    if "model" not in bundle.made:
        return "foreign"
    if bundle.runtime in PEERS:
        return "peer"
    return {"teacher": "teacher", "teacher, plain": "plain teacher"}.get(bundle.made["model"], "student")
