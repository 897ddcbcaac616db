"""From measured cells to rows: quality on the exported file, gap closed, speed-ups, and means over seeds."""

from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from bench.record.row import Group, Row, SweepPoint
from bench.record.run_file import Artefact
from bench.scores import quality
from bench.scores.significance import t_interval
from bench.steps.measure import Measurement
from bench.steps.pipeline import Cell
from export.bundle import Bundle, read_bundle
from export.predictor import probabilities_of
from materials.rows import Splits
from materials.splits.split import load_splits
from peers import PEERS

MEASURED = {field.name for field in fields(Row)}


class Runs:
    """The cells of a run with what several rows need: splits, bundles, and the cells that may be compared with."""

    def __init__(self, cells: Sequence[Cell]) -> None:
        self.cells = cells
        self.splits: dict[Path, Splits] = {path: load_splits(path) for path in {cell.splits for cell in cells}}
        self.bundles: dict[Path, Bundle] = {cell.bundle: read_bundle(cell.bundle) for cell in cells}
        self.sound = {_key(cell): cell for cell in cells if self.is_sound(cell)}

    def is_sound(self, cell: Cell) -> bool:
        """Whether a cell was measured and its file passed the parity gate."""
        return isinstance(cell.measurement, Measurement) and self.bundles[cell.bundle].parity["status"] != "failed"

    def predicted(self, cell: Cell) -> np.ndarray:
        """The predicted labels of a measured cell, int64 (test rows,)."""
        assert isinstance(cell.measurement, Measurement)
        return cell.measurement.logits.argmax(axis=1)

    def trio(self, cell: Cell) -> quality.SeedPredictions | None:
        """Labels, teacher, alone and distilled predictions of one seed; none where a gap closed has no meaning."""
        if cell.objective is None or cell.objective.name == "hard":
            return None
        teacher = self.sound.get(("teacher", "eager", cell.seed))
        alone = next((found for found in self.sound.values() if _is_alone_for(found, cell)), None)
        if teacher is None or alone is None or _key(cell) not in self.sound:
            return None
        return quality.SeedPredictions(
            labels=self.splits[cell.splits].test.targets,
            teacher=self.predicted(teacher),
            alone=self.predicted(alone),
            distilled=self.predicted(cell),
        )

    def artefacts(self, rows: Sequence[Row]) -> list[Artefact]:
        """What lies beside the run file for each row, in the order of the cells."""
        return [
            Artefact(
                row=row,
                source=cell.bundle,
                measurement=cell.measurement,
                test_rows=self.splits[cell.splits].test,
                label_names=self.splits[cell.splits].label_names,
            )
            for cell, row in zip(self.cells, rows, strict=True)
        ]

    def gap(self, cells: Sequence[Cell]) -> quality.Interval | None:
        """The gap closed over the cells of one model in one format, one cell a seed."""
        trios = [trio for cell in cells if (trio := self.trio(cell)) is not None]
        classes = len(self.splits[cells[0].splits].label_names)
        return quality.gap_closed(trios, classes) if len(trios) == len(cells) else None


def make_rows(runs: Runs, *, threads: int, device: str) -> list[Row]:
    """One row for each cell, failed ones included, with speed-ups against the teacher rows of the same run."""
    return with_speedups([_row(cell, runs, threads=threads, device=device) for cell in runs.cells])


def make_groups(runs: Runs, rows: Sequence[Row]) -> list[Group]:
    """The means over seeds of every model and format whose rows are all sound."""
    cells = runs.cells
    members: dict[tuple[str, str], list[int]] = {}
    for number, row in enumerate(rows):
        members.setdefault((row.model, row.format), []).append(number)
    groups = []
    for numbers in members.values():
        if all(runs.is_sound(cells[number]) for number in numbers):
            groups.append(_group([cells[number] for number in numbers], [rows[number] for number in numbers], runs))
    return groups


def _row(cell: Cell, runs: Runs, *, threads: int, device: str) -> Row:
    bundle = runs.bundles[cell.bundle]
    objective, splits = cell.objective, runs.splits[cell.splits]
    row = replace(
        describe_row(bundle, cell.measurement, model=cell.model, role=cell.role, threads=threads, device=device),
        objective=objective.name if objective else None,
        objective_title=objective.title if objective else None,
        transfer_rows=cell.transfer_rows,
        seed=cell.seed,
        format=cell.format,
        bundle=bundle_place(cell, bundle),
    )
    if not isinstance(cell.measurement, Measurement):
        return row
    gap = runs.gap([cell])
    teacher = runs.sound.get(("teacher", "eager", cell.seed))
    return replace(
        row,
        **quality_figures(splits.test.targets, cell.measurement.logits),
        label_names=splits.label_names,
        agreement=quality.accuracy(runs.predicted(teacher), runs.predicted(cell)) if teacher else None,
        gap_closed=gap.value if gap else None,
        gap_closed_low=gap.low if gap else None,
        gap_closed_high=gap.high if gap else None,
    )


def describe_row(
    bundle: Bundle, measurement: Measurement | str, *, model: str, role: str, threads: int, device: str
) -> Row:
    """A row with what the bundle and its measurement, or the failure of it, say by themselves."""
    figures = measurement.figures if isinstance(measurement, Measurement) else {}
    failed = isinstance(measurement, str) or bundle.parity["status"] == "failed"
    row = Row(
        model=model,
        role=role,
        task=bundle.task,
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
        **_exported(bundle),
    )
    measured = {name: value for name, value in figures.items() if name in MEASURED}
    if "sweep" in measured:
        measured["sweep"] = tuple(SweepPoint(**point) for point in measured["sweep"])
    return replace(row, **measured)


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


def bundle_place(cell: Cell, bundle: Bundle) -> str:
    """Where a bundle lies below the run folder."""
    model = "".join(letter if letter.isalnum() or letter in "+=." else "-" for letter in cell.model).replace("--", "-")
    return f"bundles/seed-{cell.seed}/{model}/{bundle.format}"


def quality_figures(labels: np.ndarray, logits: np.ndarray) -> dict[str, Any]:
    """The quality of a row by name, from label numbers (rows,) and logits (rows, labels)."""
    predicted, classes = logits.argmax(axis=1), logits.shape[1]
    confusion = quality.confusion_matrix(labels, predicted, classes)
    f1 = quality.macro_f1(labels, predicted, classes)
    return {
        "accuracy": quality.accuracy(labels, predicted),
        "macro_f1": f1.value,
        "macro_f1_low": f1.low,
        "macro_f1_high": f1.high,
        "weighted_f1": quality.weighted_f1(confusion),
        "micro_f1": quality.micro_f1(confusion),
        "f1_per_class": tuple(quality.f1_per_class(confusion).tolist()),
        "confusion_matrix": tuple(tuple(line) for line in confusion.tolist()),
        "calibration_error": quality.calibration_error(labels, probabilities_of(logits)),
    }


def with_speedups(rows: list[Row]) -> list[Row]:
    """Speed-ups by batch-1 p50: against the eager fp32 teacher, and against the teacher's fastest passed bundle.

    `batched_speedup` is the ratio of throughputs from text to label, in the offline scenario's batches.
    `speedup_128_tokens` is the first for one text of 128 tokens, where the sweep has that shape.
    """
    teachers = [
        row for row in rows if row.role == "teacher" and row.status != "failed" and row.latency_p50_ms is not None
    ]
    eager = next((row for row in teachers if row.format == "eager"), None)
    if eager is None:
        return rows
    best = min(row.latency_p50_ms for row in teachers if row.latency_p50_ms is not None)
    return [
        replace(
            row,
            speedup=_ratio(eager.latency_p50_ms, row.latency_p50_ms),
            speedup_best_export=_ratio(best, row.latency_p50_ms),
            end_to_end_speedup=_ratio(eager.end_to_end_latency_p50_ms, row.end_to_end_latency_p50_ms),
            batched_speedup=_ratio(row.end_to_end_texts_per_second, eager.end_to_end_texts_per_second),
            speedup_128_tokens=_ratio(_at_128_tokens(eager), _at_128_tokens(row)),
        )
        for row in rows
    ]


def _at_128_tokens(row: Row) -> float | None:
    return next(
        (one.latency_p50_ms for one in row.sweep or () if (one.batch_size, one.length_tokens) == (1, 128)), None
    )


def _ratio(reference: float | None, own: float | None) -> float | None:
    return reference / own if reference is not None and own is not None else None


def _mean_count(counts: Sequence[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return round(mean(known)) if known else None


def _group(cells: Sequence[Cell], rows: Sequence[Row], runs: Runs) -> Group:
    scores = np.array([row.macro_f1 for row in rows], dtype=float)
    gap, interval = runs.gap(cells), t_interval(scores)
    first = rows[0]
    return Group(
        model=first.model,
        role=first.role,
        architecture=first.architecture,
        objective_title=first.objective_title,
        transfer_rows=_mean_count([row.transfer_rows for row in rows]),
        format=first.format,
        seeds=len(rows),
        macro_f1=float(scores.mean()),
        macro_f1_spread=float(scores.std(ddof=1)) if len(rows) > 1 else None,
        macro_f1_low=interval.low if interval else None,
        macro_f1_high=interval.high if interval else None,
        accuracy=float(np.mean([row.accuracy for row in rows])),
        gap_closed=gap.value if gap else None,
        gap_closed_low=gap.low if gap else None,
        gap_closed_high=gap.high if gap else None,
    )


def _key(cell: Cell) -> tuple[str, str, int]:
    return cell.model, cell.format, cell.seed


def _is_alone_for(candidate: Cell, cell: Cell) -> bool:
    return (
        candidate.objective is not None
        and candidate.objective.is_alone
        and candidate.student == cell.student
        and (candidate.format, candidate.seed) == (cell.format, cell.seed)
    )
