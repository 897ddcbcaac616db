"""Teachers that label the rows that they were trained without: one for each fold of the train rows."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.steps.export import export_model
from bench.steps.models import Model
from bench.steps.teacher import train_teacher
from bench.steps.workplace import SeedPlace
from export.bundle import Bundle, read_bundle
from materials.errors import RequestError
from materials.modalities import Item
from materials.rows import Rows
from materials.splits.store import save_splits
from materials.stages import Stage
from materials.tasks.task import Task

Label = Callable[["dict[str, Bundle]", Sequence[Item]], np.ndarray]
FOLDS, EAGER = "folds.npy", "eager"


@dataclass(frozen=True, kw_only=True)
class Fold:
    """A teacher's files by format; it was trained without the train rows of these numbers, int64."""

    numbers: np.ndarray
    bundles: dict[str, Bundle]


def train_folds(place: SeedPlace, formats: Sequence[str]) -> list[Fold]:
    """A teacher for each fold, trained on the other folds and exported to these formats."""
    count = place.work.recipe.teacher.folds or 0
    fold_of = folds_of(place.rows.train, place.rows.task, count, seed=place.seed)
    return [_train_fold(place, fold, np.flatnonzero(fold_of == fold), formats) for fold in range(count)]


def folds_of(rows: Rows, task: Task, count: int, *, seed: int) -> np.ndarray:
    """The fold of each row, int64 (rows,), from 0: shuffled by the seed, with an equal share of each class in each.

    A class of fewer rows than folds stands in some of them. Raises RequestError where there are fewer rows than folds.
    """
    from sklearn.model_selection import KFold, StratifiedKFold

    if len(rows) < count:
        raise RequestError(f"{len(rows)} train rows do not make {count} folds; set teacher.folds to fewer")
    strata = task.strata(rows.targets)
    # Where no class is large enough for all folds, scikit-learn refuses to share classes out; where some are, it warns.
    kind = StratifiedKFold if np.unique(strata, return_counts=True)[1].max() >= count else KFold
    fold_of = np.empty(len(rows), dtype=np.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        splits = list(kind(n_splits=count, shuffle=True, random_state=seed).split(np.zeros(len(rows)), strata))
    for fold, (_, held_out) in enumerate(splits):
        fold_of[held_out] = fold
    return fold_of


def label_out_of_fold(folds: Sequence[Fold], rows: Rows, others: Sequence[Item], label: Label) -> np.ndarray:
    """Logits, float32 (rows + others, outputs): of each train row by its fold's teacher, of others the mean of all."""
    first = label(folds[0].bundles, [*rows.take(folds[0].numbers).items, *others])
    logits = np.zeros((len(rows) + len(others), first.shape[1]), dtype=np.float32)
    for number, fold in enumerate(folds):
        items = [*rows.take(fold.numbers).items, *others]
        outputs = first if number == 0 else label(fold.bundles, items)
        logits[fold.numbers] = outputs[: len(fold.numbers)]
        logits[len(rows) :] += outputs[len(fold.numbers) :] / len(folds)
    return logits


def fold_numbers(folds: Sequence[Fold], rows: int, others: int) -> np.ndarray:
    """Which fold's teacher labelled each row, int8 (rows + others,); NO_FOLD for what all have labelled."""
    from teachers.knowledge import NO_FOLD

    numbers = np.full(rows + others, NO_FOLD, dtype=np.int8)
    for fold, held_out in enumerate(folds):
        numbers[held_out.numbers] = fold
    return numbers


def fold_scores(place: SeedPlace, folds: Sequence[Fold], logits: np.ndarray, test_logits: np.ndarray) -> dict[str, Any]:
    """The scores of each fold's teacher on its rows, of all out of fold, and of their mean on the test rows."""
    from training.history import scores_of

    task, targets = place.rows.task, place.rows.train.targets
    return {
        "folds": [scores_of(task, logits[fold.numbers], targets[fold.numbers]) for fold in folds],
        "out_of_fold": scores_of(task, logits[: len(targets)], targets),
        "mean_on_test": scores_of(task, test_logits, place.rows.test.targets),
    }


def scores_in_words(scores: Mapping[str, Any], task: Task) -> list[str]:
    """A sentence for each fold, one for all rows out of fold, and one for the mean on the test rows."""

    def words(figures: Mapping[str, float] | None) -> str:
        if figures is None:
            return "no labels"
        shown = [(metric, figures[metric.name]) for metric in task.epoch_metrics]
        return ", ".join(
            f"{metric.title} {100 * value:.1f}" if metric.unit == "points" else f"{metric.title} {value:.3f}"
            for metric, value in shown
        )

    return [
        *(f"teacher without fold {fold}: {words(figures)} on it" for fold, figures in enumerate(scores["folds"], 1)),
        f"teachers out of fold: {words(scores['out_of_fold'])}",
        f"mean of the {len(scores['folds'])} on the test rows: {words(scores['mean_on_test'])}",
    ]


def _train_fold(place: SeedPlace, fold: int, numbers: np.ndarray, formats: Sequence[str]) -> Fold:
    folder = _splits_without(place, fold, numbers)
    fold_place = replace(place, splits=folder, fold=fold, all_rows_of=place.splits)
    model = Model(title=f"teacher without fold {fold + 1}", role="teacher", seed=place.seed, splits=folder)
    model = export_model(fold_place, replace(model, checkpoint=train_teacher(fold_place)), formats)
    bundles = {format: read_bundle(bundle, to_run=False) for format, bundle in model.bundles.items()}
    return Fold(numbers=numbers, bundles=_that_label(place, model.title, bundles, place.rows.train.take(numbers)))


def _that_label(place: SeedPlace, title: str, bundles: "dict[str, Bundle]", rows: Rows) -> "dict[str, Bundle]":
    """The files of a fold's teacher by format, the eager one in place of those that would label its rows otherwise.

    Raises RequestError where the eager one itself failed the gate.
    """
    from export.labelling import labels_as_eager

    if bundles[EAGER].parity["status"] == "failed":
        raise RequestError(f"{title} failed the parity gate as {EAGER}: {bundles[EAGER].parity['reason']}")
    trusted = {}
    for format, bundle in bundles.items():
        is_sound = bundle.parity["status"] != "failed"
        trusted[format] = is_sound and labels_as_eager(bundles, format, rows.items, device=place.work.recipe.trained_on)
        if not trusted[format]:
            place.work.screen.notice(f"{title} labels as {EAGER}, as its {format} would label otherwise")
    return {format: bundle if trusted[format] else bundles[EAGER] for format, bundle in bundles.items()}


def _splits_without(place: SeedPlace, fold: int, numbers: np.ndarray) -> Path:
    """Splits whose train rows lack those of a fold, which are its test rows."""
    rows, count = place.rows, place.work.recipe.teacher.folds
    kept = np.setdiff1d(np.arange(len(rows.train)), numbers)
    parts = replace(rows, train=rows.train.take(kept), test=rows.train.take(numbers))

    def make(folder: Path) -> None:
        save_splits(parts, folder)
        np.save(folder / FOLDS, numbers)

    inputs = {"splits": place.splits.name, "folds": count, "fold": fold}
    return place.work.store.get(Stage(name="fold", version=1, inputs=inputs), make)
