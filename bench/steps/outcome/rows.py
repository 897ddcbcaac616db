"""From measured files to rows: quality on the exported file, agreement, gap closed, and what failed."""

import json
from collections.abc import Sequence
from dataclasses import fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from bench.harness.measurement import Measurement
from bench.record.predictions import Artefact
from bench.record.quality import with_quality
from bench.record.row import Launch, Row, SweepPoint
from bench.scores.interval import Interval
from bench.scores.quality import GapOutputs, gap_closed
from bench.scores.significance import compare_quality
from bench.steps.answering.given import GIVEN_FORMAT
from bench.steps.models import Measured, Model
from bench.steps.outcome.speedups import with_speedups
from bench.steps.training import HISTORY
from export.bundle import Bundle, read_bundle
from materials.rows import Splits
from materials.splits.store import load_splits
from peers import PEERS
from training.history import best_validation_score

FIELDS = {field.name for field in fields(Row)}
UNTRAINED = "none"  # the format of a model that could not be trained


class Runs:
    """The files of a run with what several rows need: splits, bundles, and the files that may be compared with."""

    def __init__(self, models: Sequence[Model], measured: Sequence[Measured]) -> None:
        self.models, self.measured = models, measured
        self.splits: dict[Path, Splits] = {path: load_splits(path) for path in {model.splits for model in models}}
        self.bundles: dict[Path, Bundle] = {file.bundle: read_bundle(file.bundle, to_run=False) for file in measured}

    @cached_property
    def sound(self) -> dict[tuple[str, str, int], Measured]:
        """The files that were measured and passed the parity gate, by model, format and seed."""
        return {file.key: file for file in self.measured if self.is_sound(file)}

    def is_sound(self, file: Measured) -> bool:
        """Whether a file was measured, passed the parity gate, and gave numbers only."""
        if not isinstance(file.measurement, Measurement) or self.bundles[file.bundle].parity["status"] == "failed":
            return False
        return bool(np.isfinite(file.measurement.logits).all())

    def eager_teacher(self, seed: int) -> Measured | None:
        """The teacher against which a seed's files are held; none where it is not sound."""
        return self.sound.get(("teacher", "eager", seed)) or self.sound.get(("teacher", GIVEN_FORMAT, seed))

    def gap(self, files: Sequence[Measured]) -> Interval | None:
        """The gap closed over the files of one model in one format, one file a seed; none where it has no meaning."""
        seeds = [outputs for file in files if (outputs := self._gap_outputs(file)) is not None]
        task = self.splits[files[0].model.splits].task
        return gap_closed(task, seeds) if len(seeds) == len(files) else None

    def artefacts(self, rows: Sequence[Row]) -> list[Artefact]:
        """What lies beside the run file for each row of a measured file, in the order of the files."""
        return [
            Artefact(
                row=row,
                source=file.bundle,
                measurement=file.measurement,
                test_rows=self.splits[file.model.splits].test,
                label_names=self.splits[file.model.splits].label_names,
            )
            for file, row in zip(self.measured, rows, strict=False)
        ]

    def _gap_outputs(self, file: Measured) -> GapOutputs | None:
        """The outputs of teacher, alone and distilled for one seed."""
        cell = file.model.cell
        if cell is None or not cell.objective.needs_teacher or file.key not in self.sound:
            return None
        teacher = self.eager_teacher(file.model.seed)
        alone = next((candidate for candidate in self.sound.values() if _is_alone_for(candidate, file)), None)
        if teacher is None or alone is None:
            return None
        return GapOutputs(
            targets=self.splits[file.model.splits].test.targets,
            teacher=outputs_of(teacher),
            alone=outputs_of(alone),
            distilled=outputs_of(file),
        )


def make_rows(runs: Runs, *, threads: int, device: str) -> list[Row]:
    """One row for each measured file, then one for each model that could not be trained."""
    rows = [_row(file, runs, threads=threads, device=device) for file in runs.measured]
    untrained = [model for model in runs.models if model.error is not None]
    return with_speedups([*rows, *(_untrained_row(model, runs, threads, device) for model in untrained)])


def outputs_of(file: Measured) -> np.ndarray:
    """The outputs of a measured file, float32 (test rows, outputs). Raises ValueError for one that was not measured."""
    if not isinstance(file.measurement, Measurement):
        raise ValueError(f"{file.key} was not measured: {file.measurement}")
    return file.measurement.logits


def describe_row(
    bundle: Bundle, measurement: Measurement | str, *, model: str, role: str, threads: int, device: str
) -> Row:
    """A row with what the bundle and its measurement, or the failure of it, say by themselves."""
    figures = measurement.figures if isinstance(measurement, Measurement) else {}
    failed = isinstance(measurement, str) or bundle.parity["status"] == "failed"
    row = Row(
        model=model,
        role=role,
        task=bundle.task.name,
        device="cpu" if bundle.runtime in PEERS else device,
        threads=figures.get("intra_op_threads", threads),
        status="failed" if failed else "noisy" if figures.get("noise") else "ok",
        error=bundle.parity["reason"] or (measurement if isinstance(measurement, str) else None),
        architecture=bundle.architecture,
        objective=None,
        objective_title=None,
        transfer_rows=None,
        seed=None,
        format=bundle.format,
        parity=bundle.parity["status"],
        parameters=bundle.parameters,
        size_bytes=bundle.size_bytes,
        modality=bundle.modality,
        **_exported(bundle),
    )
    measured = {name: value for name, value in figures.items() if name in FIELDS}
    if "sweep" in measured:
        measured["sweep"] = tuple(SweepPoint(**point) for point in measured["sweep"])
    if "launches" in measured:
        measured["launches"] = tuple(Launch.read(launch) for launch in measured["launches"])
    return replace(row, **measured)


def _row(file: Measured, runs: Runs, *, threads: int, device: str) -> Row:
    bundle, model, splits = runs.bundles[file.bundle], file.model, runs.splits[file.model.splits]
    row = replace(
        describe_row(bundle, file.measurement, model=model.title, role=model.role, threads=threads, device=device),
        **_of_cell(model, runs),
        format=file.format,
        bundle=bundle_path(model, file.format),
    )
    if not isinstance(file.measurement, Measurement):
        return row
    outputs = outputs_of(file)
    row = with_quality(row, splits.task, splits.test.targets, outputs, splits.label_names)
    if row.headline is None:
        return row
    if gap := runs.gap([file]):
        row = replace(row, gap_closed=gap.value, gap_closed_low=gap.low, gap_closed_high=gap.high)
    if (teacher := runs.eager_teacher(model.seed)) is None:
        return row
    taught_by = outputs_of(teacher)
    over = compare_quality(splits.task, splits.test.targets, taught_by, outputs).headline
    return replace(
        row,
        agreement=splits.task.agreement(taught_by, outputs),
        divergence=splits.task.divergence(taught_by, outputs),
        over_teacher=over.value,
        over_teacher_low=over.low,
        over_teacher_high=over.high,
    )


def _untrained_row(model: Model, runs: Runs, threads: int, device: str) -> Row:
    return Row(
        model=model.title,
        role=model.role,
        task=runs.splits[model.splits].task.name,
        device=device,
        threads=threads,
        status="failed",
        error=model.error,
        architecture=model.cell.student.architecture if model.cell else model.title,
        format=UNTRAINED,
        parity="none",
        parameters=None,
        size_bytes=None,
        modality=runs.splits[model.splits].modality,
        **_of_cell(model, runs),
    )


def _of_cell(model: Model, runs: Runs) -> dict[str, Any]:
    """What a row says of the cell that a model was trained for."""
    objective = model.cell.objective if model.cell else None
    return {
        "objective": objective.name if objective else None,
        "objective_title": objective.title if objective else None,
        "transfer_rows": model.transfer_rows,
        "seed": model.seed,
        "reading": model.cell.student.reading if model.cell else None,
        **_of_training(model, runs),
    }


def _of_training(model: Model, runs: Runs) -> dict[str, Any]:
    """How long a model was trained here, and how good it was on validation rows; nothing for one that was not."""
    file = model.checkpoint and model.checkpoint / HISTORY
    if not file or not file.is_file():  # a fine-tuned teacher, or a peer
        return {}
    history, task = json.loads(file.read_text(encoding="utf-8")), runs.splits[model.splits].task
    return {
        "training_seconds": sum(epoch["seconds"] for epoch in history),
        "validation_score": best_validation_score(task, history),
    }


def _exported(bundle: Bundle) -> dict[str, Any]:
    """How a bundle of an exporter was made, by the names of a row; nothing for what was not exported here."""
    if not bundle.exported:
        return {}
    passed = bundle.parity["status"] != "failed"
    return {
        "model_size_bytes": bundle.model_size_bytes,
        "export_setting": bundle.parity["setting"] if passed else None,
        "export_failed_settings": tuple(bundle.parity["failed_settings"]),
        "export_seconds": bundle.exported["seconds"],
        "export_peak_memory_bytes": bundle.exported["peak_memory_bytes"],
    }


def bundle_path(model: Model, format: str) -> str:
    """Where a bundle lies below the run folder."""
    name = "".join(letter if letter.isalnum() or letter in "+=." else "-" for letter in model.title).replace("--", "-")
    return f"bundles/seed-{model.seed}/{name}/{format}"


def _is_alone_for(candidate: Measured, file: Measured) -> bool:
    """Whether a file is that of the same student without any help, in the same format and seed."""
    alone, cell = candidate.model.cell, file.model.cell
    return (
        alone is not None
        and cell is not None
        and alone.objective.is_alone
        and alone.student == cell.student
        and (candidate.format, candidate.model.seed) == (file.format, file.model.seed)
    )
