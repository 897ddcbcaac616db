"""A sweep: a recipe's objectives at every point of a grid of temperatures and alphas, on several numbers of rows."""

from collections.abc import Iterable, Mapping
from itertools import product
from typing import Annotated, Any

from pydantic import Field, model_validator

from bench.recipe.objective import Objective
from bench.recipe.parts import Part, Positive, Probability
from bench.recipe.tasks import TaskOfRecipe
from materials.tasks import task_of

SWEEP, TRAIN_ROWS = "sweep", "train_rows"
USUAL_TASK = "single-label"


class Sweep(Part):
    """The values of each setting; every one stands beside every other, in place of an objective's own.

    `temperature` and `alpha` are set in the objectives that use them. `train_rows` are numbers of rows that keep their
    labels: the recipe is run once for each.
    """

    temperature: tuple[Annotated[float, Field(gt=0, le=100)], ...] | None = None
    alpha: tuple[Probability, ...] | None = None
    train_rows: tuple[Positive, ...] | None = None

    @model_validator(mode="after")
    def _check_values(self) -> "Sweep":
        lists = {name: getattr(self, name) for name in type(self).model_fields if getattr(self, name) is not None}
        if not lists:
            raise ValueError(f"there is nothing to vary; give lists of {', '.join(type(self).model_fields)}")
        for name, values in lists.items():
            if not values:
                raise ValueError(f"{name} holds no value; give at least one, or leave it out")
            if len(set(values)) < len(values):
                raise ValueError(f"{name} holds a value twice; each counts once")
        if 1 in (self.alpha or ()):
            raise ValueError(
                "alpha 1 uses nothing of the teacher; leave it out: the student alone is the objective 'hard'"
            )
        return self

    @property
    def has_grid(self) -> bool:
        """Whether it changes objectives, and not the number of rows alone."""
        return self.temperature is not None or self.alpha is not None

    def points(self, objective: Objective) -> tuple[Objective, ...]:
        """The objective at every point of what it uses, temperature by temperature; itself where it uses nothing."""
        lists: dict[str, tuple[float, ...]] = {}
        if self.temperature and objective.uses_temperature:
            lists["temperature"] = self.temperature
        if self.alpha and objective.uses_alpha:
            lists["alpha"] = self.alpha
        written = objective.model_dump()
        points = (dict(zip(lists, values, strict=True)) for values in product(*lists.values()))
        return tuple(Objective.model_validate({**written, **point}) for point in points)


def at_all_points(objectives: Iterable[Objective], sweep: Sweep | None) -> tuple[Objective, ...]:
    """What students are trained for: each objective at every point of the sweep, or as it is without one."""
    return tuple(point for item in objectives for point in (sweep.points(item) if sweep else (item,)))


def objectives_of(recipe: Mapping[str, Any]) -> tuple[Objective, ...]:
    """What the students of a run were trained for, by the plain content of its recipe."""
    objectives = [Objective.model_validate(objective) for objective in recipe.get("objectives", ())]
    return at_all_points(objectives, sweep_of(recipe))


def sweep_of(recipe: Mapping[str, Any]) -> Sweep | None:
    """The sweep in the plain content of a recipe; none where it has none."""
    return Sweep.model_validate(recipe[SWEEP]) if recipe.get(SWEEP) else None


def sizes_in(content: Mapping[str, Any]) -> tuple[TaskOfRecipe, ...]:
    """The recipe once for each of a sweep's `train_rows`, as tasks called `rows-500`; none without any.

    A value that is no number of rows is left to the recipe to refuse.
    """
    sweep, data = content.get(SWEEP), content.get("data")
    sizes = sweep.get(TRAIN_ROWS) if isinstance(sweep, Mapping) else None
    if not isinstance(sizes, list) or not all(isinstance(size, int) and size > 0 for size in sizes):
        return ()
    name = data.get("task") if isinstance(data, Mapping) else None
    headline = task_of(name or USUAL_TASK).headline.name
    return tuple(
        TaskOfRecipe(name=f"rows-{size}", data={TRAIN_ROWS: size}, metrics=(headline,)) for size in dict.fromkeys(sizes)
    )
