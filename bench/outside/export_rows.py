"""The rows that an export is calibrated and judged on: real ones of a file, or made-up ones."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench.outside.columns import Columns
from bench.outside.opened import check_known, read_items
from export.gate.made_up import made_up_items
from export.origin import Origin
from export.runtimes.runtime import logits_of
from materials.errors import RequestError
from materials.modalities import Item
from materials.rows import Rows, Table
from materials.tasks.task import Task

CALIBRATION_ROWS, MADE_UP_ROWS, FEWEST_ROWS = 300, 64, 20


def split_rows(data: Path | None, columns: Columns, *, modality: str, task: Task) -> tuple[Table, Table | None]:
    """Rows to calibrate on and rows to judge on, none of them in both; without a file, none."""
    if data is None:
        return Table(items=[], labels=None), None
    table = read_items(data, columns, modality, task)
    if len(table.items) < FEWEST_ROWS:
        raise RequestError(f"{data} has {len(table.items)} rows; calibrating and judging need {FEWEST_ROWS}")
    numbers = np.random.default_rng(0).permutation(len(table.items))
    first = min(CALIBRATION_ROWS, len(numbers) // 2)
    return _taken(table, numbers[:first]), _taken(table, numbers[first:])


def rows_for(origin: Origin, table: Table | None) -> Rows:
    """The rows with targets, made-up rows where there is no table; unlabelled ones get the model's own answers.

    Raises RequestError for labels that the model does not know.
    """
    classifier = origin.classifier
    names, task, modality = classifier.label_names, classifier.task, classifier.encoder.modality
    if table is None or table.labels is None:
        items = made_up_items(classifier.encoder, MADE_UP_ROWS) if table is None else table.items
        return Rows(items=items, targets=_own_answers(origin, items), modality=modality)
    advice = "leave their labels out, or name another column with --label"
    check_known("the model", task, names, table, advice=advice)
    return Rows(items=table.items, targets=task.targets(table.labels, names), modality=modality)


def _taken(table: Table, numbers: np.ndarray) -> Table:
    labels = None if table.labels is None else [table.labels[number] for number in numbers]
    return Table(items=[table.items[number] for number in numbers], labels=labels, modality=table.modality)


def _own_answers(origin: Origin, items: Sequence[Item]) -> np.ndarray:
    encoder, task = origin.classifier.encoder, origin.classifier.task
    return task.decide(logits_of(origin.reference, encoder, encoder.encode(items)))
