"""A file of any teacher's answers: a row an item, with a number for each class, or a label and how sure it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from materials.errors import RequestError
from materials.modalities import Item
from materials.sources.table_file import read_frame_of_items
from materials.tasks.task import as_name

if TYPE_CHECKING:
    import pandas as pd

LABEL, CONFIDENCE = "label", "confidence"
USUAL_CONFIDENCE = 0.99
SMALLEST_PROBABILITY = 1e-6
MOST_OFF_ONE = 0.02


@dataclass(frozen=True, kw_only=True)
class Answers:
    """Logits (items, classes), float32, for items that are each there once; `notes` say what was found and left out."""

    items: list[Item]
    logits: np.ndarray
    names: tuple[str, ...]
    notes: tuple[str, ...]

    def rows_of(self, items: Sequence[Item]) -> np.ndarray:
        """The number of each item's row, int64 (items,); -1 for an item without an answer."""
        row_of = {item: row for row, item in enumerate(self.items)}
        return np.array([row_of.get(item, -1) for item in items], dtype=np.int64)


def read_answers(path: Path, *, text: str, text_pair: str | None, names: Sequence[str] | None) -> Answers:
    """The answers in a CSV, TSV, JSONL or Parquet file.

    A column for each class holds probabilities, where they lie between 0 and 1 and a row's sum is 1, or else logits;
    otherwise the column `label` holds the class, and `confidence` its probability, 0.99 where there is none. `names`
    are the classes that are known, in order; without them, all columns of numbers or all labels are classes. Items that
    stand twice with different answers are left out. Raises RequestError for what is no answer.
    """
    columns = [text, *([text_pair] if text_pair else [])]
    frame, items = read_frame_of_items(path, columns)
    class_columns = _class_columns(frame, columns, names, path)
    if class_columns:
        values = _numbers(frame, class_columns, path)
        logits, kind = _as_logits(values, path)
        found = tuple(class_columns)
    else:
        logits, found = _of_labels(frame, names, path)
        kind = "labels" + (" with their confidence" if CONFIDENCE in frame.columns else "")
    kept, twice = _unequal_left_out(items, logits)
    notes = [f"{path} holds {kind} for {len(kept):,} items"]
    if twice:
        notes.append(f"{twice:,} items of {path} have different answers in different rows and are left out")
    return Answers(items=[items[row] for row in kept], logits=logits[kept], names=found, notes=tuple(notes))


def _class_columns(frame: "pd.DataFrame", items: Sequence[str], names: Sequence[str] | None, path: Path) -> list[str]:
    """The columns of classes, in the order of the names; none where labels stand in their place."""
    others = [str(name) for name in frame.columns if name not in (*items, LABEL, CONFIDENCE)]
    numeric = [name for name in others if _is_numeric(frame[name])]
    if names is None:
        return [] if LABEL in frame.columns else _several(numeric, path)
    there = [name for name in names if name in others]
    if not there and LABEL in frame.columns:
        return []
    if missing := [name for name in names if name not in others]:
        raise RequestError(
            f"{path} has no column for the class '{missing[0]}'; expected a column for each of {', '.join(names)}, or "
            f"the columns {LABEL} and {CONFIDENCE}; columns: {', '.join(map(str, frame.columns))}"
        )
    if unknown_names := [name for name in numeric if name not in names]:
        raise RequestError(
            f"{path} has answers for '{unknown_names[0]}', which is no class of the data ({', '.join(names)}); name "
            "all classes with --classes, or remove the column"
        )
    return list(names)


def _several(columns: list[str], path: Path) -> list[str]:
    if len(columns) < 2:
        raise RequestError(
            f"{path} holds no answers; expected a column of numbers for each class, or the columns {LABEL} and "
            f"{CONFIDENCE}"
        )
    return columns


def _is_numeric(column: Any) -> bool:
    import pandas as pd

    return bool(pd.to_numeric(column, errors="coerce").notna().any())


def _numbers(frame: "pd.DataFrame", columns: Sequence[str], path: Path) -> np.ndarray:
    """The numbers of all classes, float64 (rows, classes)."""
    import pandas as pd

    values = np.stack([pd.to_numeric(frame[name], errors="coerce").to_numpy(dtype=np.float64) for name in columns], 1)
    if unsound := np.flatnonzero(~np.isfinite(values).all(axis=1)).tolist():
        number, column = unsound[0], columns[int(np.flatnonzero(~np.isfinite(values[unsound[0]]))[0])]
        raise RequestError(
            f"{len(unsound):,} rows of {path} hold an answer that is no number, the first "
            f"'{frame[column].iloc[number]}' for {column} in row {number + 1}; remove or fill them"
        )
    return values


def _as_logits(values: np.ndarray, path: Path) -> tuple[np.ndarray, str]:
    if values.min() < 0 or values.max() > 1:
        return values.astype(np.float32), "logits"
    off = np.abs(values.sum(axis=1) - 1)
    if (off > MOST_OFF_ONE).any():
        row = int(off.argmax())
        raise RequestError(
            f"{path} holds numbers between 0 and 1 whose sum in row {row + 1} is {values[row].sum():.3g}; expected "
            "probabilities with the sum 1, or logits"
        )
    return np.log(np.maximum(values, SMALLEST_PROBABILITY)).astype(np.float32), "probabilities"


def _of_labels(frame: "pd.DataFrame", names: Sequence[str] | None, path: Path) -> tuple[np.ndarray, tuple[str, ...]]:
    """Logits of labels: the confidence for the label, the rest in equal parts for the others."""
    labels = [as_name(cell).strip() for cell in frame[LABEL].tolist()]
    known = tuple(names) if names is not None else tuple(sorted(set(labels) - {""}))
    strange = [row for row, label in enumerate(labels) if label not in known]
    if strange:
        raise RequestError(
            f"row {strange[0] + 1} of {path} has the label '{labels[strange[0]]}', which is none of "
            f"{', '.join(known)}; expected one of them in each row"
        )
    if len(known) < 2:
        raise RequestError(f"{path} gives all rows the label '{known[0]}'; a classifier needs at least two")
    sure = np.full(len(labels), USUAL_CONFIDENCE)
    if CONFIDENCE in frame.columns:
        sure = _numbers(frame, [CONFIDENCE], path)[:, 0]
        if sure.min() < 0 or sure.max() > 1:
            row = int(np.abs(sure - 0.5).argmax())
            raise RequestError(f"row {row + 1} of {path} has the confidence {sure[row]:g}; expected 0 to 1")
    probabilities = np.repeat(((1 - sure) / (len(known) - 1))[:, None], len(known), axis=1)
    probabilities[np.arange(len(labels)), [known.index(label) for label in labels]] = sure
    return np.log(np.maximum(probabilities, SMALLEST_PROBABILITY)).astype(np.float32), known


def _unequal_left_out(items: Sequence[Item], logits: np.ndarray) -> tuple[list[int], int]:
    """The first row of each item whose answers are all the same, and how many items have several."""
    first_row: dict[Item, int] = {}
    unequal: set[Item] = set()
    for row, item in enumerate(items):
        if not np.allclose(logits[first_row.setdefault(item, row)], logits[row], atol=1e-4):
            unequal.add(item)
    return [row for item, row in first_row.items() if item not in unequal], len(unequal)
