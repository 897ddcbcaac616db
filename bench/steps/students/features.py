"""Which features of its teacher a student is taught by, and where they are its own."""

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bench.recipe.objective import Objective
from bench.recipe.recipe_student import Student
from bench.steps.students.new_student import student_weights
from bench.steps.workplace import SeedPlace
from materials.rows import Rows
from training.outputs import Outputs

if TYPE_CHECKING:
    from torch import nn

HIDDEN = "hidden"


def features_of(place: SeedPlace, student: Student, objective: Objective) -> dict[str, int | None]:
    """The features by the teacher's names, each with the number of the student's own layer, from 1; none for others."""
    if not objective.features:
        return {}
    if place.rows.modality == "image":
        from teachers.attention import NAMES

        return dict.fromkeys(NAMES)
    from teachers.features import hidden_feature, uniform_map

    found: dict[str, int | None] = {kind: None for kind in objective.features if kind != HIDDEN}
    if HIDDEN in objective.features:
        of_teacher = int(place.weights.config["num_hidden_layers"])
        layers = student.settings.get("layers") or int(student_weights(place, student).config["num_hidden_layers"])
        of_student = layers if isinstance(layers, int) else len(layers)
        mapped = enumerate(uniform_map(of_student, of_teacher), start=1)
        found |= {hidden_feature(teachers_layer): own_layer for own_layer, teachers_layer in mapped}
    return found


def with_features(place: SeedPlace, module: "nn.Module", names: Collection[str]) -> "nn.Module":
    """A teacher's module, or a student's of images, that gives these features too."""
    if place.rows.modality == "image":
        from teachers.attention import WithAttention

        return WithAttention(module, names=names)
    from teachers.features import WithFeatures

    return WithFeatures(module, names=names)


def features_of_all(place: SeedPlace) -> tuple[str, ...]:
    """The names of the teacher's features that some student is taught by."""
    recipe = place.work.recipe
    cells = [(student, objective) for student in recipe.students for objective in recipe.objectives]
    return tuple(sorted({name for cell in cells for name in features_of(place, *cell)}))


def read_by_batch(place: SeedPlace, rows: Rows, names: Collection[str]) -> Callable[[np.ndarray], Outputs]:
    """The teacher's stored outputs with some of their features, for rows by their numbers among these.

    Only the rows that are asked for are read from the disk.
    """
    knowledge = place.stored_outputs
    numbers = knowledge.rows_of(rows.items, rows.modality)
    outputs = replace(knowledge.outputs, features={name: knowledge.outputs.features[name] for name in names})
    return lambda chosen: outputs.take(numbers[chosen])
