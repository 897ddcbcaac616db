"""Confusion matrices as tables whose cells are shaded by their share of the class."""

from dataclasses import dataclass

from bench.advice.front import goodness
from bench.record.run_file import Run
from bench.reports.class_report import names_of, one_row_a_model

MOST_MODELS, MOST_CLASSES, MOST_WITH_NUMBERS = 12, 30, 12


@dataclass(frozen=True, kw_only=True)
class Cell:
    """The rows of one class that are called another, and their share of the class, 0..1."""

    rows: int
    share: float


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """The rows of each class by what they are called; `has_numbers` where there is room for them."""

    title: str
    names: tuple[str, ...]
    lines: tuple[tuple[Cell, ...], ...]

    @property
    def has_numbers(self) -> bool:
        """Whether the counts are written into the cells."""
        return len(self.names) <= MOST_WITH_NUMBERS


def matrices_of(run: Run) -> tuple[list[Matrix], str]:
    """A matrix for each of the best models, one file of each, and a sentence on what is left out."""
    rows = [row for row in one_row_a_model(run) if row.confusion_matrix and row.headline is not None]
    if rows and len(names_of(rows[0])) > MOST_CLASSES:
        return [], f"{len(names_of(rows[0]))} classes are too many for a matrix: see `distilbench show --classes`"
    rows.sort(key=lambda row: (row.role != "teacher", -goodness(row)))
    left_out = len(rows) - MOST_MODELS
    sentence = f"{left_out} other models are left out: see `distilbench show --classes`" if left_out > 0 else ""
    matrices = [
        Matrix(
            title=f"{row.model} as {row.format}" + ("" if row.seed is None else f", seed {row.seed}"),
            names=tuple(names_of(row)),
            lines=tuple(
                tuple(Cell(rows=count, share=round(count / max(1, sum(line)), 3)) for count in line)
                for line in row.confusion_matrix or ()
            ),
        )
        for row in rows[:MOST_MODELS]
    ]
    return matrices, sentence
