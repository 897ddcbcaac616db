"""The transfer rows that a student learns from, and what the teacher said of them."""

from pathlib import Path

import numpy as np

from bench.recipe.objective import Objective
from bench.recipe.recipe import Recipe
from materials.rows import Splits
from materials.splits.balance import at_most


def taught_rows(recipe: Recipe, splits: Splits, *, objective: Objective, logits: Path | None, seed: int) -> np.ndarray:
    """The numbers of the transfer rows of an objective, int64, rising. `logits` is the folder of the teacher's."""
    chosen = splits.chosen_transfer(objective.transfer)
    if objective.transfer_balance is None or logits is None:
        return chosen
    said = teacher_logits_of(recipe, splits, logits=logits, transfer=chosen)[len(splits.train) :].argmax(axis=1)
    return chosen[at_most(said, objective.transfer_balance, seed=seed)]


def teacher_logits_of(recipe: Recipe, splits: Splits, *, logits: Path, transfer: np.ndarray) -> np.ndarray:
    """The teacher's logits of all train rows and then of some transfer rows, float32 (rows, classes).

    The folder holds those of all transfer rows that some objective of the recipe learns from.
    """
    from teachers.logit_store import load_logits

    stored = splits.chosen_transfer(recipe.labelled_transfer)  # rising, as the chosen ones are
    texts = splits.train.items + [splits.transfer.items[row] for row in stored]
    labelled = len(splits.train)
    rows = np.concatenate([np.arange(labelled), labelled + np.searchsorted(stored, transfer)])
    return np.array(load_logits(logits, texts))[rows]
