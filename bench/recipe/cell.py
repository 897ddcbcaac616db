"""One unit of a run's work: a student, trained for an objective, at a sweep point, with a seed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.recipe.objective import Objective
from bench.recipe.recipe_student import Student


@dataclass(frozen=True, kw_only=True)
class Cell:
    """`sweep` holds what this point of a sweep changes in the student or the objective, by name; mostly nothing."""

    student: Student
    objective: Objective
    seed: int
    sweep: Mapping[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The model's name in tables: the same for all seeds."""
        return f"{self.student.title} {self.objective.title}"
