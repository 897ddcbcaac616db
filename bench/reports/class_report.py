"""A run class by class: precision, recall and F1 of each model, and the confusion matrix of one label a row."""

import json
from collections.abc import Callable, Sequence
from itertools import repeat
from typing import Any

import numpy as np

from bench.record.quality import class_counts
from bench.record.row import Row
from bench.record.run_file import Run
from bench.reports.layout import TextTable, markdown_tables, points, rich_tables
from bench.reports.report import main_format
from materials.errors import RequestError
from materials.tasks.metrics import f1_from_sums, micro_f1, shares, weighted_f1

LARGEST_MATRIX = 10
MOST_CONFUSIONS = 3
TAKEN_FOR = "; 'taken for': the classes that most of a class's other rows were called"
NOTES = (
    "precision, recall and F1 in points",
    "macro-F1 is the mean of the classes' F1, weighted-F1 that mean weighted by their rows, and micro-F1 the F1 of all "
    "decisions together, which for one label a row is the accuracy",
)


def rich_classes(run: Run) -> str:
    """A table for each model, in colour. Raises RequestError for a run without figures of classes."""
    return rich_tables(_tables(run), _notes(run))


def markdown_classes(run: Run) -> str:
    """The same tables in Markdown. Raises RequestError for a run without figures of classes."""
    return markdown_tables(_tables(run), _notes(run))


def csv_classes(run: Run) -> str:
    """A line for each class of each model. Raises RequestError for a run without figures of classes."""
    import pandas as pd

    return pd.DataFrame([line for row in _rows(run) for line in _records(row)]).to_csv(index=False)


def json_classes(run: Run) -> str:
    """An object for each class of each model, with its line of the confusion matrix. Raises RequestError as above."""
    records = [
        {**record, "called": dict(zip(names_of(row), line, strict=True))} if line else record
        for row in _rows(run)
        for record, line in zip(_records(row), row.confusion_matrix or repeat(None), strict=False)
    ]
    return json.dumps(records, indent=2, ensure_ascii=False) + "\n"


CLASS_REPORTS: dict[str, Callable[[Run], str]] = {
    "rich": rich_classes,
    "markdown": markdown_classes,
    "csv": csv_classes,
    "json": json_classes,
}


def one_row_a_model(run: Run) -> list[Row]:
    """For each model, the first of its sound rows with figures of classes, in the main format where there is one."""
    preferred_format, row_of_model = main_format(run), dict[str, Row]()
    for row in run.rows:
        if (row.confusion_matrix or row.label_counts) and row.status != "failed":
            current_row = row_of_model.setdefault(row.model, row)
            if row.format == preferred_format and current_row.format != preferred_format:
                row_of_model[row.model] = row
    return list(row_of_model.values())


def names_of(row: Row) -> list[str]:
    """The names of a row's classes, or their numbers for runs made before names were kept."""
    return list(row.label_names or map(str, range(len(row.confusion_matrix or ()))))


def _rows(run: Run) -> list[Row]:
    rows = one_row_a_model(run)
    if not rows:
        why = "no sound row classifies labelled rows" if run.task.has_names else f"its task is {run.task.name}"
        raise RequestError(f"run {run.name} has no figures of classes: {why}")
    return rows


def _counts(row: Row) -> np.ndarray:
    counts = class_counts(row)
    assert counts is not None, "one_row_a_model leaves rows without figures of classes out"
    return counts


def _figures(counts: np.ndarray) -> list[tuple[float, float, float]]:
    """Precision, recall and F1 of each class."""
    hits, true_rows, called_rows = counts
    columns = (shares(hits, called_rows), shares(hits, true_rows), f1_from_sums(counts.ravel()))
    return list(zip(*(column.tolist() for column in columns), strict=True))


def _records(row: Row) -> list[dict[str, Any]]:
    """One record a class, its shares between 0 and 1."""
    counts = _counts(row)
    return [
        {
            **{"model": row.model, "format": row.format, "seed": row.seed, "class": name, "rows": count},
            **{"precision": precision, "recall": recall, "f1": f1},
        }
        for name, count, (precision, recall, f1) in zip(
            names_of(row), counts[1].tolist(), _figures(counts), strict=True
        )
    ]


def _tables(run: Run) -> list[TextTable]:
    return [_table(run, row) for row in _rows(run)]


def _table(run: Run, row: Row) -> TextTable:
    counts, names = _counts(row), names_of(row)
    confusion = np.array(row.confusion_matrix) if row.confusion_matrix else None
    header, lines = ["class", "rows", "precision", "recall", "F1"], []
    for name, count, class_figures in zip(names, counts[1].tolist(), _figures(counts), strict=True):
        lines.append([name, str(count), *map(points, class_figures)])
    if confusion is not None:  # one label a row: each row of another class was called something
        columns = names if len(names) <= LARGEST_MATRIX else []
        header = [header[0], "taken for", *header[1:], *(f"called\n{name}" for name in columns)]
        for number, (line, called) in enumerate(zip(lines, confusion, strict=True)):
            line.insert(1, _taken_for(called, number, names))
            line += map(str, called[: len(columns)])
    return _title(run, row, counts.ravel()), tuple(header), lines


def _notes(run: Run) -> list[str]:
    has_matrix = any(row.confusion_matrix for row in _rows(run))
    return [NOTES[0] + (TAKEN_FOR if has_matrix else ""), *NOTES[1:]]


def _title(run: Run, row: Row, sums: np.ndarray) -> str:
    titles = {metric.name: metric.title for metric in run.task.metrics}
    scores = {name: row.score(name) for name in ("accuracy", "macro_f1")}
    words = [f"{titles[name]} {points(None if score is None else score.value)}" for name, score in scores.items()]
    words += [f"weighted-F1 {points(float(weighted_f1(sums)))}", f"micro-F1 {points(float(micro_f1(sums)))}"]
    seed = "" if row.seed is None else f", seed {row.seed}"
    return f"{run.name}: {row.model} as {row.format}{seed}: {', '.join(words)}"


def _taken_for(line: np.ndarray, number: int, names: Sequence[str]) -> str:
    """The classes that the rows of one class are most often mistaken for, each with its number of rows."""
    wrong_labels = [label for label in np.argsort(-line, kind="stable") if label != number and line[label]]
    return ", ".join(f"{names[label]} ({line[label]})" for label in wrong_labels[:MOST_CONFUSIONS])
