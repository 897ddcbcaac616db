"""One unit of a run's work: a student, trained for an objective, with a seed."""

from dataclasses import dataclass

from bench.recipe.objective import Objective
from bench.recipe.recipe_student import Student


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A point of a sweep is an objective like any other, so that it is stored once, however it came to be asked for."""

    student: Student
    objective: Objective
    seed: int

    @property
    def title(self) -> str:
        """The model's name in tables: the same for all seeds."""
        return f"{self.student.title} {self.objective.title}"
