"""How long and how fast a cell's student is trained: what the recipe says, and rules where it leaves something open."""

from dataclasses import fields
from typing import TYPE_CHECKING

from bench.recipe.cell import Cell
from bench.recipe.recipe_student import Student
from bench.steps.workplace import SeedPlace

if TYPE_CHECKING:
    from training.settings import TrainingSettings


def settings_of(place: SeedPlace, cell: Cell, rows: int) -> "TrainingSettings":
    """The settings of the student for so many rows, with those that the recipe leaves to the rules."""
    matched = len(place.rows.chosen_transfer(cell.objective.match_steps))
    device = place.work.recipe.trained_on
    return settings_for(cell, rows=rows, labelled=len(place.rows.train), matched=matched, device=device)


def settings_for(cell: Cell, *, rows: int, labelled: int, matched: int, device: str) -> "TrainingSettings":
    """The same by numbers alone: so many rows, of which some are `labelled`, and the transfer rows of `match_steps`."""
    from students import STUDENTS
    from training.rules import most_epochs_for, patience_for
    from training.settings import TrainingSettings

    student = cell.student
    architecture, epochs = STUDENTS[student.architecture].student_class, _epochs(cell, labelled, matched)
    batch_size = _batch_size(student, rows)
    by_patience = student.ends_by_patience and cell.objective.epochs is None
    schedule = "plateau" if by_patience else "linear" if student.schedule in (None, "plateau") else student.schedule
    shared = student.model_dump(include={field.name for field in fields(TrainingSettings)})
    by_rule = {
        "epochs": most_epochs_for(rows, batch_size) if epochs is None else epochs,
        "batch_size": batch_size,
        "learning_rate": architecture.learning_rate if student.learning_rate == "auto" else student.learning_rate,
        "schedule": schedule,
        "patience": (student.patience or patience_for(rows, batch_size)) if by_patience else None,
    }
    return TrainingSettings(
        **{**shared, **by_rule},
        bf16=architecture.bf16,
        bf16_scores=False,
        seed=cell.seed,
        device=device,
    )


def _epochs(cell: Cell, labelled: int, matched: int) -> int | None:
    """How long to train, where the recipe says it in numbers.

    `match_steps` takes as many epochs on the labelled rows as make the steps with transfer rows. Steps and epochs are
    whole, so each division is rounded up.
    """
    student, objective = cell.student, cell.objective
    if objective.epochs is not None:
        return objective.epochs
    if student.epochs == "auto":
        return None
    transfer_epochs = student.transfer_epochs or student.epochs
    if not objective.match_steps:
        return transfer_epochs if objective.transfer else student.epochs
    taught = labelled + matched
    steps = transfer_epochs * -(-taught // _batch_size(student, taught))
    return -(-steps // -(-labelled // _batch_size(student, labelled)))


def _batch_size(student: Student, rows: int) -> int:
    from training.rules import batch_size_for

    return batch_size_for(rows) if student.batch_size == "auto" else student.batch_size
