"""What is taken of a teacher's stored outputs, by which objective, and by which key."""

from types import SimpleNamespace

import numpy as np
import pytest

from bench.recipe.objective import Objective
from bench.steps.knowledge import outputs_for, taught_rows
from bench.steps.workplace import SeedPlace
from materials.rows import Rows, Splits
from materials.splits.store import save_splits
from materials.weights import WeightsFolder
from teachers.knowledge import save_knowledge

KINDS = ("other",) * 10 + ("rest",) * 10


def rows(count, name):
    return Rows(items=[f"{name} {number}" for number in range(count)], targets=np.full(count, -1))


@pytest.fixture
def place(tmp_path):
    """A seed with 10 transfer rows of each of two kinds, and the teacher's outputs for the second kind.

    The first column of the logits numbers the rows; the teacher gives 8 rows of the kind to class 1, 2 rows to class 2.
    """
    train, transfer, held_out = rows(5, "train"), rows(20, "transfer"), rows(1, "held out")
    splits = Splits(
        train=train,
        validation=held_out,
        test=held_out,
        transfer=transfer,
        label_names=("a", "b", "c"),
        transfer_kinds=KINDS,
    )
    logits = np.zeros((15, 3), dtype=np.float32)
    logits[:, 0] = -np.arange(15)
    logits[:, 1] = 1
    logits[[7, 12], 2] = 2
    folders = [tmp_path / name for name in ("splits", "knowledge")]
    for folder in folders:
        folder.mkdir()
    save_splits(splits, folders[0])
    save_knowledge(logits_only(logits), train.items + transfer.items[10:], "text", folders[1])
    return SeedPlace(
        work=SimpleNamespace(),
        weights=WeightsFolder(path=tmp_path, digest="", licence=""),
        seed=0,
        splits=folders[0],
        knowledge=folders[1],
    )


def logits_only(logits):
    from training.outputs import Outputs

    return Outputs(logits=logits)


def test_outputs_are_those_of_the_rows_in_whichever_order_they_are_asked_for(place):
    chosen = place.rows.transfer.take([19, 11])
    assert (-outputs_for(place, chosen).logits[:, 0]).tolist() == [14, 6]


def test_balanced_rows_are_few_of_the_frequent_classes_and_all_of_the_rarest(place):
    balanced = Objective(name="soft", transfer=["rest"], transfer_balance=2)
    numbers = taught_rows(place, balanced)
    assert {12, 17} <= set(numbers.tolist()) <= set(range(10, 20))
    assert len(numbers) == 2 + 4
    assert numbers.tolist() == sorted(numbers.tolist())


def test_without_a_balance_all_rows_of_the_kinds_are_taken(place):
    assert taught_rows(place, Objective(name="soft", transfer=["rest"])).tolist() == [*range(10, 20)]
    assert taught_rows(place, Objective(name="hard")).tolist() == []
