"""One trial of a search: a student trained with some settings, judged on validation rows."""

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from bench.recipe.cell import Cell
from bench.recipe.recipe import Recipe
from bench.steps.export import export_model
from bench.steps.measure import File, measure
from bench.steps.models import Model
from bench.steps.pipeline import taught_place
from bench.steps.students.student import train_student
from bench.steps.students.vocabulary import build_vocabulary
from bench.steps.teacher import find_teacher_weights
from bench.steps.training import HISTORY, CellFailed
from bench.steps.workplace import Workplace
from bench.tune.space import changed, shown
from materials.errors import RequestError

if TYPE_CHECKING:
    from training.history import Epoch

Observe = Callable[["Epoch"], None]
FORMAT = "onnx"


def trial_recipe(content: Mapping[str, Any], values: Mapping[str, Any]) -> Recipe:
    """The recipe of a trial. Raises RequestError for settings that make none."""
    try:
        return Recipe.model_validate(changed(content, values))
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(map(str, fault["loc"]))
        raise RequestError(f"with {shown(values)} it is no recipe: {place}: {fault['msg']}") from None


def run_trial(work: Workplace, *, timed: bool, observe: Observe) -> tuple[float, float | None]:
    """The best validation headline of the recipe's last objective, and, if `timed`, the median ms of its ONNX file.

    All that the teacher gives is computed by the first trial and read by the others. Raises CellFailed where the
    student cannot be trained, exported or timed.
    """
    from training.history import best_validation_score

    recipe, seed = work.recipe, work.recipe.seeds[0]
    place, _ = taught_place(work, find_teacher_weights(work), seed)
    cell = Cell(student=recipe.students[-1], objective=recipe.objectives[-1], seed=seed)
    checkpoint = train_student(place, cell, build_vocabulary(place, cell.student), observe=observe)
    history = json.loads((checkpoint / HISTORY).read_text(encoding="utf-8"))
    score = best_validation_score(place.rows.task, history)
    if not timed:
        return score, None
    model = Model(title=cell.title, role="student", seed=seed, splits=place.splits, cell=cell, checkpoint=checkpoint)
    model = export_model(place, model, [FORMAT])
    (measured,) = measure(work, [File(model=model, format=FORMAT, timed=True)])
    if isinstance(measured.measurement, str):
        raise CellFailed(measured.measurement)
    return score, measured.measurement.figures["latency_p50_ms"]
