"""A run class by class: precision, recall, F1 and the confusion matrix of each model."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bench.record.row import Row
from bench.record.run_file import Run
from bench.reports.layout import Report, markdown_tables, points, rich_tables
from bench.reports.report import main_format
from bench.scores import confusion as figures
from materials.errors import RequestError
from materials.tasks.metrics import micro_f1, weighted_f1

LARGEST_MATRIX = 10
MOST_CONFUSIONS = 3
NOTES = (
    "precision, recall and F1 in points; 'taken for': the classes that most of a class's other rows were called",
    "macro-F1 is the mean of the classes' F1, weighted-F1 that mean weighted by their rows, and micro-F1 the F1 of all "
    "decisions together, which for one label a row is the accuracy",
)


def rich_classes(run: Run) -> str:
    """A table for each model, in colour. Raises RequestError for a run without confusion matrices."""
    return rich_tables(_tables(run), NOTES)


def markdown_classes(run: Run) -> str:
    """The same tables in Markdown. Raises RequestError for a run without confusion matrices."""
    return markdown_tables(_tables(run), NOTES)


def csv_classes(run: Run) -> str:
    """A line for each class of each model. Raises RequestError for a run without confusion matrices."""
    import pandas as pd

    return pd.DataFrame([line for row in _rows(run) for line in _records(row)]).to_csv(index=False)


def json_classes(run: Run) -> str:
    """An object for each class of each model, with its line of the confusion matrix. Raises RequestError as above."""
    records = [
        {**record, "called": dict(zip(names_of(row), line, strict=True))}
        for row in _rows(run)
        for record, line in zip(_records(row), row.confusion_matrix or (), strict=True)
    ]
    return json.dumps(records, indent=2, ensure_ascii=False) + "\n"


CLASS_REPORTS: dict[str, Callable[[Run], str]] = {
    "rich": rich_classes,
    "markdown": markdown_classes,
    "csv": csv_classes,
    "json": json_classes,
}


def one_row_a_model(run: Run) -> list[Row]:
    """For each model, the first of its sound rows with a confusion matrix, in the main format where there is one."""
    preferred_format, row_of_model = main_format(run), dict[str, Row]()
    for row in run.rows:
        if row.confusion_matrix is not None and row.status != "failed":
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
        raise RequestError(f"run {run.name} has no figures of classes: no sound row classifies labelled rows")
    return rows


def _figures(confusion: np.ndarray) -> list[tuple[float, float, float]]:
    """Precision, recall and F1 of each class."""
    columns = (figures.precision_per_class, figures.recall_per_class, figures.f1_per_class)
    return list(zip(*(column(confusion).tolist() for column in columns), strict=True))


def _records(row: Row) -> list[dict[str, Any]]:
    """One record a class, its shares between 0 and 1."""
    confusion = np.array(row.confusion_matrix)
    return [
        {
            **{"model": row.model, "format": row.format, "seed": row.seed, "class": name, "rows": int(line.sum())},
            **{"precision": precision, "recall": recall, "f1": f1},
        }
        for name, line, (precision, recall, f1) in zip(names_of(row), confusion, _figures(confusion), strict=True)
    ]


def _tables(run: Run) -> list[Report]:
    return [_table(run, row) for row in _rows(run)]


def _table(run: Run, row: Row) -> Report:
    confusion, names = np.array(row.confusion_matrix), names_of(row)
    sums, seed = figures.sums_of(confusion), "" if row.seed is None else f", seed {row.seed}"
    title = (
        f"{run.name}: {row.model} as {row.format}{seed}: accuracy {points(row.accuracy)}, macro-F1 "
        f"{points(row.macro_f1)}, weighted-F1 {points(float(weighted_f1(sums)))}, micro-F1 "
        f"{points(float(micro_f1(sums)))}"
    )
    columns = [f"called\n{name}" for name in names] if len(names) <= LARGEST_MATRIX else []
    lines = [
        [name, _taken_for(line, number, names), str(line.sum()), *map(points, shares), *map(str, line[: len(columns)])]
        for number, (name, line, shares) in enumerate(zip(names, confusion, _figures(confusion), strict=True))
    ]
    return title, ("class", "taken for", "rows", "precision", "recall", "F1", *columns), lines


def _taken_for(line: np.ndarray, number: int, names: Sequence[str]) -> str:
    """The classes that the rows of one class are most often mistaken for, each with its number of rows."""
    wrong_labels = [label for label in np.argsort(-line, kind="stable") if label != number and line[label]]
    return ", ".join(f"{names[label]} ({line[label]})" for label in wrong_labels[:MOST_CONFUSIONS])
