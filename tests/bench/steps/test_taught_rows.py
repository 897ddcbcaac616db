from types import SimpleNamespace

import numpy as np
import pytest

from bench.recipe.objective import Objective
from bench.steps.taught_rows import taught_rows, teacher_logits_of
from materials.rows import Rows, Splits
from teachers.logit_store import save_logits


def rows(count, name):
    return Rows(items=[f"{name} {number}" for number in range(count)], targets=np.full(count, -1))


@pytest.fixture
def stored(tmp_path):
    """Splits with 10 rows of each of two kinds, a recipe that labels the second, and the teacher's logits of those.

    The logits' first column numbers the rows; the teacher gives 8 rows of the kind to class 1, 2 rows to class 2.
    """
    kinds = ("other",) * 10 + ("rest",) * 10
    train, transfer, held_out = rows(5, "train"), rows(20, "transfer"), rows(1, "held out")
    names = ("a", "b", "c")
    splits = Splits(
        train=train, validation=held_out, test=held_out, transfer=transfer, label_names=names, transfer_kinds=kinds
    )
    logits = np.zeros((15, 3), dtype=np.float32)
    logits[:, 0] = -np.arange(15)
    logits[:, 1] = 1
    logits[[7, 12], 2] = 2
    texts = train.items + transfer.items[10:]
    save_logits(logits, texts, tmp_path)
    return SimpleNamespace(labelled_transfer=("rest",)), splits, tmp_path


def test_teacher_logits_are_those_of_the_rows_whichever_were_stored(stored):
    recipe, splits, folder = stored
    logits = teacher_logits_of(recipe, splits, logits=folder, transfer=np.array([11, 19]))
    assert (-logits[:, 0]).tolist() == [0, 1, 2, 3, 4, 6, 14]


def test_balanced_rows_are_few_of_the_frequent_classes_and_all_of_the_rarest(stored):
    recipe, splits, folder = stored
    balanced = Objective(name="soft", transfer=["rest"], transfer_balance=2)
    kept = taught_rows(recipe, splits, objective=balanced, logits=folder, seed=0)
    assert {12, 17} <= set(kept.tolist()) <= set(range(10, 20))
    assert len(kept) == 2 + 4
    assert kept.tolist() == sorted(kept.tolist())
    drawn = {
        tuple(taught_rows(recipe, splits, objective=balanced, logits=folder, seed=seed).tolist()) for seed in range(5)
    }
    assert len(drawn) > 1


def test_without_a_balance_all_rows_of_the_kinds_are_taken(stored):
    recipe, splits, folder = stored
    rest, none = Objective(name="soft", transfer=["rest"]), Objective(name="hard")
    assert taught_rows(recipe, splits, objective=rest, logits=folder, seed=0).tolist() == [*range(10, 20)]
    assert taught_rows(recipe, splits, objective=none, logits=None, seed=0).tolist() == []
