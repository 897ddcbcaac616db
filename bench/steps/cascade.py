"""The step that finds from which probability on each file of a student may answer alone, on validation rows."""

import json
from pathlib import Path

import numpy as np

from bench.scores.cascade import find_threshold
from bench.steps.answering.given import answers_for
from bench.steps.knowledge import labelling_format, outputs_for
from bench.steps.models import Model
from bench.steps.training import HISTORY
from bench.steps.workplace import SeedPlace
from export.bundle import read_bundle
from materials.stages import Stage

OUTPUTS = "outputs.npy"


def find_thresholds(place: SeedPlace, model: Model) -> dict[str, float]:
    """The threshold of each of a model's sound files, by format; a file that proves nothing has none.

    Agreement is with the teacher's file that labels, and the wish is the recipe's.
    """
    task, wished = place.rows.task, place.work.recipe.cascade_agreement
    teacher = _teacher_outputs(place) if task.has_names else None
    if teacher is None:
        return {}
    found, epochs = {}, epochs_of(model)
    for format, folder in model.bundles.items():
        if read_bundle(folder, to_run=False).parity["status"] != "failed":
            outputs = _outputs(place, folder, f"{model.title} as {format}")
            if not np.isfinite(outputs).all():
                continue
            agrees = task.decides_alike(outputs, teacher)
            threshold = find_threshold(task.sureness(outputs), agrees, wished, chosen_from=epochs)
            if threshold is not None:
                found[format] = threshold
    return found


def epochs_of(model: Model) -> int:
    """The epochs of a model's training, of which validation rows chose one; 1 without a training."""
    history = model.checkpoint / HISTORY if model.checkpoint else None
    return len(json.loads(history.read_text(encoding="utf-8"))) if history and history.is_file() else 1


def _teacher_outputs(place: SeedPlace) -> np.ndarray | None:
    """The teacher's outputs for validation rows; none where a file of answers lacks some."""
    if place.work.recipe.teacher.is_given:
        return answers_for(place, place.rows.validation)
    if place.work.recipe.is_label_free:
        return np.asarray(outputs_for(place, place.rows.validation).logits)
    if place.knowledge is None:
        return None
    return _outputs(place, place.teacher_files[labelling_format(place.knowledge)], "teacher")


def _outputs(place: SeedPlace, bundle: Path, title: str) -> np.ndarray:
    """The outputs of a file for validation rows, computed once."""

    def make(folder: Path) -> None:
        import torch

        from export.predictor import Predictor

        with place.work.screen.step(f"{title} on validation rows, seed {place.seed}"):
            predictor = Predictor(bundle, threads=torch.get_num_threads())
            np.save(folder / OUTPUTS, predictor.logits(place.rows.validation.items))

    inputs = {"bundle": bundle.name, "splits": place.splits.name}
    folder = place.work.store.get(Stage(name="validation", version=1, inputs=inputs), make)
    outputs: np.ndarray = np.load(folder / OUTPUTS, allow_pickle=False)
    return outputs
