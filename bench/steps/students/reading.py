"""The step that decides how a student reads: its tokens and vectors, where a recipe leaves them to validation rows."""

import json
import math
from collections.abc import Sequence

from bench.recipe.cell import Cell
from bench.recipe.objective import Objective
from bench.recipe.recipe_student import Student
from bench.steps.students.side_by_side import as_in_its_process
from bench.steps.students.student import train_student
from bench.steps.students.vocabulary import build_vocabulary
from bench.steps.training import HISTORY, CellFailed
from bench.steps.workplace import SeedPlace
from training.history import best_validation_score


def choose_reading(place: SeedPlace, student: Student) -> Student:
    """The student with one of its ways of reading: each is trained alone, and the validation headline decides.

    A way that cannot be trained is left out; where none can, the first stays, whose cells then say why.
    """
    candidates = student.candidates()
    if len(candidates) == 1:
        return candidates[0]
    headline = place.rows.task.headline
    scores = [_validation_score(place, candidate) for candidate in candidates]
    sign = 1 if headline.higher_is_better else -1
    signed = [-math.inf if score is None else sign * score for score in scores]
    chosen = candidates[first_of_the_best(signed, rows=len(place.rows.validation))]
    found = "; ".join(
        f"{candidate.reading} {'failed' if score is None else f'{score:.3f}'}"
        for candidate, score in zip(candidates, scores, strict=True)
    )
    place.work.screen.notice(f"{student.title} reads {chosen.reading}; {headline.title} on validation rows: {found}")
    return chosen


def reading_cells(place: SeedPlace) -> list[Cell]:
    """The cells by which `choose_reading` decides: none for a student that reads in one way only."""
    several = [student.candidates() for student in place.work.recipe.students if student.or_else]
    return [_alone(place, candidate) for candidates in several for candidate in candidates]


def first_of_the_best(scores: Sequence[float], *, rows: int) -> int:
    """The number of the first score that is not below the best by more than the noise of so many rows.

    The noise is the largest standard error of a share, 1 / (2 sqrt(rows)); Breiman et al. (1984) choose the simplest
    tree by this rule, and here the first way of reading is chosen.
    """
    noise = 0.5 / math.sqrt(rows)
    return next(number for number, score in enumerate(scores) if score >= max(scores) - noise)


def _alone(place: SeedPlace, student: Student) -> Cell:
    return Cell(student=student, objective=Objective(name="hard"), seed=place.seed)


def _validation_score(place: SeedPlace, student: Student) -> float | None:
    cell = _alone(place, student)
    try:
        vocabulary = build_vocabulary(place, student)
        with as_in_its_process(place.work.jobs):
            checkpoint = train_student(place, cell, vocabulary)
    except CellFailed as failure:
        place.work.screen.notice(f"{cell.title} with {student.reading}, seed {place.seed}: {failure}")
        return None
    return best_validation_score(place.rows.task, json.loads((checkpoint / HISTORY).read_text(encoding="utf-8")))
