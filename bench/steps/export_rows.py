"""The rows that an export is calibrated and judged on: real ones of a file, or made-up ones."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from export.exporting import remembered
from export.gate.made_up import made_up_items
from export.origin import Origin
from export.runtimes.runtime import logits_of
from materials.errors import RequestError
from materials.rows import Rows, Table
from materials.sources.table_file import read_table

CALIBRATION_ROWS, MADE_UP_ROWS, FEWEST_ROWS = 300, 64, 20


def split_rows(data: Path | None, *, text: str, label: str | None) -> tuple[Table, Table | None]:
    """Rows to calibrate on and rows to judge on, none of them in both; without a file, none."""
    if data is None:
        return Table(items=[], labels=None), None
    table = read_table(data, text=text, label=label)
    if len(table.items) < FEWEST_ROWS:
        raise RequestError(f"{data} has {len(table.items)} rows; calibrating and judging need {FEWEST_ROWS}")
    numbers = np.random.default_rng(0).permutation(len(table.items))
    first = min(CALIBRATION_ROWS, len(numbers) // 2)
    return _taken(table, numbers[:first]), _taken(table, numbers[first:])


def rows_for(origin: Origin, table: Table | None) -> Rows:
    """The rows with label numbers, made-up rows where there is no table; unlabelled ones get the model's own labels.

    Raises RequestError for labels that the model does not know.
    """
    names = origin.classifier.label_names
    if table is None or table.labels is None:
        items = made_up_items(origin.classifier.encoder, MADE_UP_ROWS) if table is None else table.items
        return Rows(items=items, targets=_own_labels(origin, items))
    if strange := sorted(set(table.labels) - set(names)):
        raise RequestError(
            f"the model knows the labels {', '.join(names)}; the rows have {', '.join(strange[:5])}; "
            "leave their labels out, or name another column with --label"
        )
    return Rows(items=table.items, targets=np.array([names.index(label) for label in table.labels]))


def _taken(table: Table, numbers: np.ndarray) -> Table:
    labels = None if table.labels is None else [table.labels[number] for number in numbers]
    return Table(items=[table.items[number] for number in numbers], labels=labels)


def _own_labels(origin: Origin, texts: Sequence[Any]) -> np.ndarray:
    encoder = origin.classifier.encoder
    return logits_of(remembered(origin.classifier), encoder, encoder.encode(texts)).argmax(axis=1)
