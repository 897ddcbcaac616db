"""Which features of its teacher a student is taught by, and where they are its own."""

from collections.abc import Collection
from dataclasses import replace

from bench.recipe.objective import Objective
from bench.recipe.recipe_student import Student
from bench.steps.students.new_student import student_weights
from bench.steps.workplace import SeedPlace
from training.outputs import Outputs

HIDDEN = "hidden"


def features_of(place: SeedPlace, student: Student, objective: Objective) -> dict[str, int | None]:
    """The features by the teacher's names, each with the number of the student's own layer, from 1; none for others."""
    if not objective.features:
        return {}
    from teachers.features import hidden_feature, uniform_map

    found: dict[str, int | None] = {kind: None for kind in objective.features if kind != HIDDEN}
    if HIDDEN in objective.features:
        of_teacher = int(place.weights.config["num_hidden_layers"])
        layers = student.settings.get("layers") or int(student_weights(place, student).config["num_hidden_layers"])
        of_student = layers if isinstance(layers, int) else len(layers)
        mapped = enumerate(uniform_map(of_student, of_teacher), start=1)
        found |= {hidden_feature(teachers_layer): own_layer for own_layer, teachers_layer in mapped}
    return found


def features_of_all(place: SeedPlace) -> tuple[str, ...]:
    """The names of the teacher's features that some student is taught by."""
    recipe = place.work.recipe
    cells = [(student, objective) for student in recipe.students for objective in recipe.objectives]
    return tuple(sorted({name for cell in cells for name in features_of(place, *cell)}))


def only(outputs: Outputs, names: Collection[str]) -> Outputs:
    """The outputs with those of their features alone: others are for other students and objectives."""
    return replace(outputs, features={name: outputs.features[name] for name in names})
