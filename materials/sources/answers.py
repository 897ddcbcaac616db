"""A file of any teacher's answers: a row an item, with a number for each class, or a label and how sure it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from materials.errors import RequestError
from materials.modalities import Item
from materials.sources.several_answers import (
    CONFIDENCE,
    LABEL,
    SMALLEST_PROBABILITY,
    USUAL_CONFIDENCE,
    as_log_odds,
    is_nothing,
    of_label_lists,
)
from materials.sources.table_file import decoded, read_frame_of_items
from materials.tasks.task import Task, are_list, as_name, refuse_alike

if TYPE_CHECKING:
    import pandas as pd

MOST_OFF_ONE, SHARE_SOUND = 0.02, 0.5
ROW_NUMBERS = "Unnamed: "  # as pandas calls the column of row numbers that it writes without a name


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


def read_answers(
    path: Path,
    *,
    text: str,
    text_pair: str | None,
    names: Sequence[str] | None,
    task: Task | None = None,
    separator: str | None = None,
) -> Answers:
    """The answers in a CSV, TSV, JSONL or Parquet file.

    A column for each class holds probabilities, where nearly all rows lie between 0 and 1 and have the sum 1, or else
    logits; or the column `label` holds the class, and `confidence` its probability, 0.99 where there is none. `names`
    are the classes that are known, in order; without them all labels, or all columns of numbers, which must then be
    probabilities, are classes. For a `task` of several labels a row, each column stands by itself, and the column
    `label` holds lists, or labels parted by `separator`. Rows without a text or an answer are left out, as are items
    that stand twice with different answers. Raises RequestError for what is no answer.
    """
    columns = [text, *([text_pair] if text_pair else [])]
    frame, items, without_text = read_frame_of_items(path, columns)
    if LABEL in frame.columns:
        where = f"column '{LABEL}' of {path}"
        frame[LABEL] = [decoded(cell, row, where) for row, cell in enumerate(frame[LABEL].tolist(), 1)]
    is_several = task is not None and task.name == "multi-label"
    class_columns = _class_columns(frame, columns, names, path)
    if class_columns:
        values, rows = _numbers(frame, class_columns, path)
        if is_several:
            logits, kind = as_log_odds(values, path, may_be_logits=names is not None)
        else:
            logits, kind = _as_logits(values, rows, path, may_be_logits=names is not None)
        found = tuple(class_columns)
    elif is_several:
        logits, rows, found = of_label_lists(frame, names, separator, path)
        kind = "lists of labels"
    else:
        logits, rows, found = _of_labels(frame, names, path)
        kind = "labels" + (" with their confidence" if CONFIDENCE in frame.columns else "")
    items = [items[row] for row in rows]
    kept, twice = _unequal_left_out(items, logits)
    notes = [f"{path} holds {kind} for {len(kept):,} items"]
    if missing := len(frame) - len(rows) + without_text:
        notes.append(f"{missing:,} rows of {path} have no text or no answer and are left out")
    if twice:
        notes.append(f"{twice:,} items of {path} have different answers in different rows and are left out")
    return Answers(items=[items[row] for row in kept], logits=logits[kept], names=found, notes=tuple(notes))


def _class_columns(frame: "pd.DataFrame", items: Sequence[str], names: Sequence[str] | None, path: Path) -> list[str]:
    """The columns of classes, in the order of the names; none where labels stand in their place."""
    others = [str(name) for name in frame.columns if name not in (*items, LABEL, CONFIDENCE)]
    others = [name for name in others if not name.startswith(ROW_NUMBERS)]
    numeric = [name for name in others if _is_numeric(frame[name])]
    has_labels = LABEL in frame.columns
    known = (
        list(names)
        if names is not None
        else sorted({_label(cell) for cell in frame[LABEL]} - {""})
        if has_labels
        else []
    )
    has_columns = bool(known) and all(name in others for name in known)
    if has_labels and has_columns:
        raise RequestError(
            f"{path} holds both the column {LABEL} and a column for each class; remove those that are not the teacher's"
        )
    if has_labels and not (names and any(name in others for name in names)):
        return []
    if names is None:
        return _several(numeric, path)
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


def _numbers(frame: "pd.DataFrame", columns: Sequence[str], path: Path) -> tuple[np.ndarray, list[int]]:
    """The numbers of all classes, float64 (rows, classes), of the rows that have any, and which these are."""
    import pandas as pd

    cells = np.array([[_label(cell) for cell in frame[name].tolist()] for name in columns], dtype=object).T
    rows = np.flatnonzero((cells != "").any(axis=1)).tolist()
    parts = [pd.to_numeric(frame[name], errors="coerce").to_numpy(dtype=np.float64)[rows] for name in columns]
    values = np.stack(parts, axis=1)
    if unsound := np.flatnonzero(~np.isfinite(values).all(axis=1)).tolist():
        column, row = int(np.flatnonzero(~np.isfinite(values[unsound[0]]))[0]), rows[unsound[0]]
        raise RequestError(
            f"{len(unsound):,} rows of {path} hold an answer that is no number, the first "
            f"'{cells[row][column]}' for {columns[column]} in row {row + 1}; remove or fill them"
        )
    if not rows:
        raise RequestError(f"no row of {path} holds an answer")
    return values, rows


def _as_logits(values: np.ndarray, rows: Sequence[int], path: Path, *, may_be_logits: bool) -> tuple[np.ndarray, str]:
    sums, is_share = values.sum(axis=1), ((values >= -MOST_OFF_ONE) & (values <= 1 + MOST_OFF_ONE)).all(axis=1)
    is_sound = is_share & (np.abs(sums - 1) <= MOST_OFF_ONE)
    if is_sound.mean() < SHARE_SOUND and not is_share.all():
        if (np.abs(sums - 100) <= 100 * MOST_OFF_ONE).mean() >= SHARE_SOUND:
            raise RequestError(f"{path} holds percentages, whose sum is 100; divide them by 100")
        if may_be_logits:
            return values.astype(np.float32), "logits"
        raise RequestError(
            f"the columns of numbers in {path} are no probabilities: the sum in row {rows[0] + 1} is {sums[0]:.3g}; "
            "name the classes with --classes, or remove the other columns"
        )
    if not is_sound.all():
        row = int(np.flatnonzero(~is_sound)[0])
        raise RequestError(
            f"{path} holds probabilities whose sum in row {rows[row] + 1} is {sums[row]:.3g}; expected numbers between "
            "0 and 1 with the sum 1, or logits"
        )
    return np.log(np.clip(values, SMALLEST_PROBABILITY, 1)).astype(np.float32), "probabilities"


def _label(cell: Any) -> str:
    """A cell as text, empty where it holds nothing."""
    return "" if is_nothing(cell) else as_name(cell).strip()


def _of_labels(
    frame: "pd.DataFrame", names: Sequence[str] | None, path: Path
) -> tuple[np.ndarray, list[int], tuple[str, ...]]:
    """Logits of the rows with a label: the confidence for it, the rest in equal parts for the others."""
    if strange_cells := [cell for cell in frame[LABEL].tolist() if are_list(cell) or isinstance(cell, dict)]:
        raise RequestError(f"column '{LABEL}' of {path} holds {strange_cells[0]!r:.40}; expected the name of a class")
    cells = [_label(cell) for cell in frame[LABEL].tolist()]
    rows = [row for row, label in enumerate(cells) if label]
    if not rows:
        raise RequestError(f"no row of {path} holds an answer")
    labels = [cells[row] for row in rows]
    if names is None:
        refuse_alike(labels)
    known = tuple(names) if names is not None else tuple(sorted(set(labels)))
    strange = [row for row in rows if cells[row] not in known]
    if strange:
        raise RequestError(
            f"row {strange[0] + 1} of {path} has the label '{cells[strange[0]]}', which is none of "
            f"{', '.join(known)}; expected one of them in each row"
        )
    if len(known) < 2:
        raise RequestError(f"{path} gives all rows the label '{known[0]}'; a classifier needs at least two")
    sure = np.full(len(labels), USUAL_CONFIDENCE)
    if CONFIDENCE in frame.columns:
        sure = _numbers(frame.iloc[rows], [CONFIDENCE], path)[0][:, 0]
        if len(sure) < len(rows):
            raise RequestError(f"{len(rows) - len(sure):,} rows of {path} have a label and no {CONFIDENCE}; fill it")
        least = 1 / len(known)
        if wrong := [row for row, value in zip(rows, sure.tolist(), strict=True) if not least <= value <= 1]:
            value = sure[rows.index(wrong[0])]
            raise RequestError(
                f"row {wrong[0] + 1} of {path} has the {CONFIDENCE} {value:g}; expected at least 1/{len(known)}, under "
                "which another class would be the surer one, and at most 1"
            )
    probabilities = np.repeat(((1 - sure) / (len(known) - 1))[:, None], len(known), axis=1)
    probabilities[np.arange(len(labels)), [known.index(label) for label in labels]] = sure
    return np.log(np.maximum(probabilities, SMALLEST_PROBABILITY)).astype(np.float32), rows, known


def _unequal_left_out(items: Sequence[Item], logits: np.ndarray) -> tuple[list[int], int]:
    """The first row of each item whose answers are all the same, and how many items have several."""
    first_row: dict[Item, int] = {}
    unequal: set[Item] = set()
    for row, item in enumerate(items):
        if not np.allclose(logits[first_row.setdefault(item, row)], logits[row], atol=1e-4):
            unequal.add(item)
    return [row for item, row in first_row.items() if item not in unequal], len(unequal)
