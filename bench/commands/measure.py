"""The command `measure`: any bundles, and anybody's models, on rows of a file, side by side in one table."""

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from bench.commands.run import save_run, show_run
from bench.harness.isolation import MeasurementFailed, measure_in_fresh_process
from bench.harness.workload import Workload
from bench.recipe.recipe import Measuring
from bench.record.machine import check_device
from bench.record.row import Row
from bench.record.run_file import Artefact, describe_run
from bench.steps.measure import Measurement, read_measurement
from bench.steps.rows import describe_row, quality_figures, with_speedups
from bench.steps.screen import Screen
from export.bundle import Bundle
from export.foreign import open_model
from materials.catalogue import DATASETS
from materials.errors import RequestError
from materials.rows import Rows, Table
from materials.sources.table_file import read_table
from peers import PEERS


@dataclass(frozen=True, kw_only=True)
class MeasureRequest:
    """Which models to measure on which rows; `workload` holds how, its model left empty."""

    models: tuple[Path, ...]
    data: Path
    text: str
    label: str | None
    workload: Workload
    output: Path


@dataclass(frozen=True, kw_only=True)
class OpenedModel:
    """A model that was opened, and its name in the table."""

    title: str
    place: Path
    bundle: Bundle


def make_workload(
    *,
    threads: int,
    device: str,
    label_names: str | None,
    max_length_tokens: int | None,
    affinity: str | None = None,
    **timing: Any,
) -> Workload:
    """A workload from the words of the command line. Raises RequestError for one that a recipe would refuse."""
    lists = {name: value.split(",") if isinstance(value, str) else value for name, value in timing.items()}
    try:
        measuring = Measuring.model_validate({**lists, "affinity": affinity.split(",") if affinity else ()})
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).replace("_", "-") if first["loc"] else "affinity"
        given = first["input"] if first["loc"] else affinity
        raise RequestError(f"--{name}: {str(first['msg']).removeprefix('Value error, ')}; got {given!r}") from None
    check_device(device)
    names = tuple(label_names.split(",")) if label_names else None
    return Workload(
        model="",
        threads=threads,
        device=device,
        label_names=names,
        max_length_tokens=max_length_tokens,
        **measuring.model_dump(),
    )


def measure_models(request: MeasureRequest) -> int:
    """Measure every model, write a run folder, print its table; 1 when a row failed, else 0.

    Raises RequestError when the rows, or all models, cannot be used; one model of several becomes a failed row.
    """
    screen = Screen()
    table = read_rows(request.data, text=request.text, label=request.label)
    subjects, refused = _open_all(request, table, screen)
    label_names = subjects[0].bundle.label_names
    rows = as_rows(table, label_names)
    artefacts = []
    with tempfile.TemporaryDirectory() as work:
        for number, subject in enumerate(subjects):
            folder = Path(work) / str(number)
            folder.mkdir()
            measurement = _measure(request, subject, label_names, rows.items, folder, screen)
            row = _row(subject, measurement, rows, request, label_names=label_names)
            artefacts.append(
                Artefact(row=row, source=None, measurement=measurement, test_rows=rows, label_names=label_names)
            )
        measured = [*with_speedups([artefact.row for artefact in artefacts]), *refused]
        finished = describe_run(request.output.name, measured, threads=request.workload.threads)
        save_run(finished, artefacts, request.output)
    show_run(request.output, "rich")
    screen.notice(f"run.json, table.md and the raw samples are in {request.output}")
    return 1 if any(row.status == "failed" for row in measured) else 0


def read_rows(data: Path, *, text: str, label: str | None) -> Table:
    """The rows of a file. Raises RequestError for the name of a data set: a model may have been trained on its rows."""
    if str(data) in DATASETS:
        raise RequestError(
            f"--data {data} is a whole data set, with the rows that models were trained on; give a file, such as "
            "test-rows/seed-0.parquet in a run's folder"
        )
    return read_table(data, text=text, label=label)


def as_rows(table: Table, label_names: Sequence[str]) -> Rows:
    """The rows with label numbers in the order of `label_names`, -1 where the table has none."""
    numbers = {name: number for number, name in enumerate(label_names)}
    labels = [-1] * len(table.items) if table.labels is None else [numbers[name] for name in table.labels]
    return Rows(items=table.items, targets=np.array(labels, dtype=np.int64))


def check_labels(bundle: Bundle, table: Table, label_names: Sequence[str], title: str) -> None:
    """Raise RequestError unless the model takes texts and has the labels of the rows, the same as the first model."""
    if bundle.modality != "text":
        raise RequestError(
            f"{title} classifies {bundle.modality}s, and only models of texts can be measured so far; "
            "`predict` runs a bundle of it"
        )
    own = set(bundle.label_names)
    if table.labels is not None and (strange := sorted(set(table.labels) - own)):
        raise RequestError(
            f"{title} knows the labels {', '.join(bundle.label_names)}; the rows have {', '.join(strange[:5])}; "
            "name a model's labels in the order of its outputs with --labels, or give rows of its own workload"
        )
    if own != set(label_names):
        raise RequestError(
            f"{title} is of another task: its labels are {', '.join(bundle.label_names)}, not {', '.join(label_names)}"
        )


def in_label_order(measurement: Measurement, bundle: Bundle, label_names: Sequence[str]) -> Measurement:
    """The measurement with its logits in the order of `label_names`. Raises RequestError when their number differs."""
    own, scores = list(bundle.label_names), measurement.logits.shape[1]
    if scores != len(own):
        raise RequestError(f"the model returns {scores} scores a text, but {len(own)} labels are named")
    return replace(measurement, logits=measurement.logits[:, [own.index(name) for name in label_names]])


def _open_all(request: MeasureRequest, table: Table, screen: Screen) -> tuple[list[OpenedModel], list[Row]]:
    """The models that can be measured on these rows, and a failed row for each that cannot."""
    subjects: list[OpenedModel] = []
    refused = []
    for place in request.models:
        try:
            bundle = open_model(
                place, label_names=request.workload.label_names, max_length_tokens=request.workload.max_length_tokens
            )
            check_labels(bundle, table, (subjects[0].bundle if subjects else bundle).label_names, str(place))
            subjects.append(_name(place, bundle, subjects))
        except RequestError as error:
            if len(request.models) == 1:
                raise
            screen.notice(f"not measured: {error}")
            refused.append(_refused_row(place, str(error), request))
    if not subjects:
        raise RequestError(f"none of the {len(refused)} models can be measured; the first: {refused[0].error}")
    return subjects, refused


def _name(place: Path, bundle: Bundle, others: Sequence[OpenedModel]) -> OpenedModel:
    """The model's title from what made it, or from its place; its whole place where the title is taken."""
    there = place.resolve()
    title = bundle.made.get("model") or (there.name if place.is_dir() else f"{there.parent.name}/{there.stem}")
    taken = {(other.title, other.bundle.format, other.bundle.made.get("seed")) for other in others}
    if (title, bundle.format, bundle.made.get("seed")) in taken:
        title = str(place)
    return OpenedModel(title=str(title), place=place, bundle=bundle)


def _refused_row(place: Path, error: str, request: MeasureRequest) -> Row:
    return Row(
        model=place.name,
        role="foreign",
        task="classification",
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


def _measure(
    request: MeasureRequest,
    subject: OpenedModel,
    label_names: Sequence[str],
    texts: Sequence[str],
    folder: Path,
    screen: Screen,
) -> Measurement | str:
    """The measurement, its logits in the order of `label_names`; or why there is none."""
    workload = replace(request.workload, model=str(subject.place.resolve()))
    try:
        with screen.step(f"measuring {subject.title} as {subject.bundle.format}"):
            measure_in_fresh_process(workload, texts, folder)
    except MeasurementFailed as failure:
        screen.notice(f"{subject.title} could not be measured: {failure}")
        return str(failure)
    try:
        return in_label_order(read_measurement(folder), subject.bundle, label_names)
    except RequestError as error:
        screen.notice(f"{subject.title} could not be measured: {error}")
        return str(error)


def _row(
    subject: OpenedModel,
    measurement: Measurement | str,
    rows: Rows,
    request: MeasureRequest,
    *,
    label_names: tuple[str, ...],
) -> Row:
    made = subject.bundle.made
    if "model" not in made:
        role = "foreign"
    elif subject.bundle.runtime in PEERS:
        role = "peer"
    else:
        role = "teacher" if made["model"] == "teacher" else "student"
    row = describe_row(
        subject.bundle,
        measurement,
        model=subject.title,
        role=role,
        threads=request.workload.threads,
        device=request.workload.device,
    )
    row = replace(row, seed=made.get("seed"), bundle=os.path.relpath(subject.place, request.output))
    if isinstance(measurement, str) or (rows.targets < 0).any():
        return row
    return replace(row, **quality_figures(rows.targets, measurement.logits), label_names=label_names)
