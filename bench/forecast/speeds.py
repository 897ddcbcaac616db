"""How fast the teacher and the students of a recipe are here, by timing models of random weights in their place."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import psutil

from bench.forecast.costs import key_of, teacher_lengths
from bench.forecast.parts import Part
from bench.forecast.probe import Probe, Speed
from bench.forecast.rows import RowCounts
from bench.forecast.stand_ins import StandIn, student_stand_in, teacher_stand_in
from bench.recipe.recipe import Recipe
from bench.recipe.recipe_student import Student
from bench.steps.peer import PEER_FORMAT
from materials.errors import in_one_line
from materials.weights import WeightsFolder
from training.rules import batch_size_for

PROBE_SECONDS = 0.6  # for the teacher, and for all students together
BYTES_A_WEIGHT = 20  # while it is trained: itself, its gradient, two of its means, and the best epoch's, each of four
OF_TEACHER = ("teacher", "features", "bundle", "labeller", "knowledge", "vectors", "validation", "measurement")


@dataclass(kw_only=True)
class Speeds:
    """The speed of the teacher and of students by their `key_of`; none where it is not known, for which are `reasons`.

    `bodies` holds the pretrained weights that are at hand, by their names.
    """

    recipe: Recipe
    counts: RowCounts
    bodies: Mapping[str, WeightsFolder | None]
    probe: Probe
    teacher: Speed | None = None
    students: dict[str, Speed | None] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)

    def time(self, missing: Sequence[Part]) -> None:
        """Time all models that something is left to make for."""
        import torch

        students = {key_of(part.cell.student): part.cell.student for part in missing if part.cell}
        with torch.random.fork_rng(devices=[]):
            if any(part.cell is None and part.kind in OF_TEACHER and part.format != PEER_FORMAT for part in missing):
                self.teacher = self._teacher()
            for key, student in students.items():
                self.students[key] = self._student(student, PROBE_SECONDS / len(students))

    def _teacher(self) -> Speed | None:
        recipe, counts = self.recipe, self.counts
        if recipe.teacher.is_given:
            return None
        body, batch_size = self.bodies.get(recipe.teacher.weights), teacher_lengths(recipe, counts)[1]
        return self._timed(
            "the teacher",
            lambda: teacher_stand_in(recipe, counts, body),
            lambda model: self.probe.time(
                model,
                batch_size=batch_size,
                optimiser="adam",
                seconds=PROBE_SECONDS,
                learns=not recipe.teacher.is_zero_shot,
            ),
        )

    def _student(self, student: Student, seconds: float) -> Speed | None:
        batch_size = batch_size_for(self.counts.train) if student.batch_size == "auto" else student.batch_size
        return self._timed(
            student.title,
            lambda: student_stand_in(self.recipe, student, self.counts, self.bodies),
            lambda model: self.probe.time(model, batch_size=batch_size, optimiser=student.optimiser, seconds=seconds),
        )

    def _timed(self, title: str, make: Callable[[], StandIn | None], run: Callable[[StandIn], Speed]) -> Speed | None:
        """The speed of a model; none, and the reason noted, where its shape is not known or it cannot be run."""
        import torch

        why = "its shape is known once its weights are here"
        try:
            with torch.device("meta"):  # where weights take no memory
                shape = make()
            weights = sum(values.numel() for values in shape.module.state_dict().values()) if shape else 0
            if BYTES_A_WEIGHT * weights > psutil.virtual_memory().available:
                why = f"it has {weights:,} weights, more than the memory here can train"
            elif model := make():
                return run(model)
        except Exception as error:  # a library may raise anything for a shape that it does not take
            why = in_one_line(error)
        self.reasons.append(f"how fast {title} is ({why})")
        return None
