"""The step that puts a teacher's decisions where no label is known, or none may be looked at."""

from dataclasses import replace
from pathlib import Path

from bench.steps.knowledge import outputs_for, unlabelled_parts
from bench.steps.workplace import SeedPlace
from materials.rows import Rows
from materials.splits.store import save_splits
from materials.stages import Stage


def with_answers(place: SeedPlace) -> SeedPlace:
    """The same seed, where a recipe learns from no label with the teacher's decisions as targets.

    Students choose their epochs by them, and test rows without a label are judged by them. Labels of test rows stay.
    """
    if not place.work.recipe.is_label_free or place.knowledge is None:
        return place

    def make(folder: Path) -> None:
        rows = place.rows
        parts: dict[str, Rows] = {part: getattr(rows, part) for part in ("train", "validation", "test")}
        parts |= {part: _answered(place, parts[part]) for part in unlabelled_parts(rows)}
        train, validation, test = parts.values()
        save_splits(replace(rows, train=train, validation=validation, test=test), folder)

    if "test" in unlabelled_parts(place.rows):
        place.work.screen.notice(
            "the test rows have no labels: the teacher's decisions stand for them, so quality is agreement with it"
        )
    inputs = {"answers_to": place.splits.name, "knowledge": place.knowledge.name}
    return replace(place, splits=place.work.store.get(Stage(name="splits", version=5, inputs=inputs), make))


def _answered(place: SeedPlace, rows: Rows) -> Rows:
    decisions = place.rows.task.decide(outputs_for(place, rows).logits)
    return replace(rows, targets=decisions.astype(rows.targets.dtype))
