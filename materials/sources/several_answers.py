"""A file of answers with any number of labels a row: what its columns say about each label by itself."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from materials.errors import RequestError
from materials.tasks.multi_label import MultiLabel
from materials.tasks.task import are_list

if TYPE_CHECKING:
    import pandas as pd

LABEL, CONFIDENCE = "label", "confidence"
USUAL_CONFIDENCE = 0.99
SMALLEST_PROBABILITY = 1e-6
MOST_OFF = 0.02


def as_log_odds(values: np.ndarray, path: Path, *, may_be_logits: bool) -> tuple[np.ndarray, str]:
    """Logits (rows, labels), float32, of independent probabilities or logits, and which of them the numbers are.

    Raises RequestError for percentages, and for other numbers where the columns may be no answers at all.
    """
    if ((values >= -MOST_OFF) & (values <= 1 + MOST_OFF)).all():
        sure = np.clip(values, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
        return (np.log(sure) - np.log1p(-sure)).astype(np.float32), "probabilities of each label by itself"
    if (values >= 0).all() and values.max() <= 100:
        raise RequestError(f"{path} holds numbers from 0 to {values.max():g}, as percentages are; divide them by 100")
    if not may_be_logits:
        raise RequestError(
            f"the columns of numbers in {path} are no probabilities: one holds {values.max():g}; name the labels with "
            "--classes, or remove the other columns"
        )
    return values.astype(np.float32), "logits"


def of_label_lists(
    frame: "pd.DataFrame", names: Sequence[str] | None, separator: str | None, path: Path
) -> tuple[np.ndarray, list[int], tuple[str, ...]]:
    """Logits of the rows with a list of labels: 0.99 for each that is in it and 0.01 for the others.

    A row without a list has no answer; an empty list is one, as is an empty cell where `separator` parts the labels.
    Raises RequestError for a label that is not known, and for confidences, which say nothing of several labels.
    """
    if CONFIDENCE in frame.columns:
        raise RequestError(
            f"{path} has the column {CONFIDENCE}, which is for one class a row; give a column of probabilities for "
            "each label, or remove it"
        )
    cells = ["" if is_nothing(cell) and separator is not None else cell for cell in frame[LABEL].tolist()]
    rows = [row for row, cell in enumerate(cells) if not is_nothing(cell)]
    task = MultiLabel()
    labels = task.read_labels([cells[row] for row in rows], separator=separator, where=f"column '{LABEL}' of {path}")
    if not rows:
        raise RequestError(f"no row of {path} holds an answer")
    known = tuple(names) if names is not None else task.label_names(labels)
    for row, given in zip(rows, labels, strict=True):
        if strange := [name for name in given if name not in known]:
            raise RequestError(
                f"row {row + 1} of {path} has the label '{strange[0]}', which is none of {', '.join(known)}; expected "
                "some of them in each row"
            )
    distance = np.log(USUAL_CONFIDENCE / (1 - USUAL_CONFIDENCE))
    return (distance * (2 * task.targets(labels, known) - 1)).astype(np.float32), rows, known


def is_nothing(cell: object) -> bool:
    """Whether a cell holds neither a text, a number nor a list."""
    return not are_list(cell) and (cell is None or cell != cell or str(cell) in ("<NA>", "NaT"))
