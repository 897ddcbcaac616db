"""Splits of every task and kind of item are the same after they were stored."""

import math

import numpy as np
import pytest

from materials.modalities import MODALITIES, ImageFile
from materials.rows import Rows, Splits
from materials.splits.store import PARTS, load_splits, save_splits
from materials.tasks import TASKS, task_of

ITEMS = {
    "text": ["a film", "👍 naïve\ttext", "NA", ""],
    "pair": [("a", "b"), ("b", "a"), ("", "line\nbreak"), ("a", "")],
    "image": [ImageFile(path=f"/images/{name}.png", sha256=name * 64) for name in "abcd"],
}
TARGETS = {
    "single-label": np.array([1, 0, 1, -1]),
    "multi-label": np.array([[1, 0], [0, 0], [1, 1], [-1, -1]]),
    "regression": np.array([0.1, -1e6, 5e-324, math.nan]),
}
SETTINGS = {"multi-label": {"thresholds": [0.25, 0.75]}}


def splits_of(task, modality, transfer=4):
    items, targets = ITEMS[modality], TARGETS[task.name]
    parts = {part: Rows(items=items[::-1], targets=targets[::-1], modality=modality) for part in PARTS[:2]}
    test = Rows(items=items, targets=targets, modality=modality)
    return Splits(
        **parts,
        test=test,
        transfer=test.take(range(transfer)),
        label_names=("yes", "no") if task.has_names else ("score",),
        task=task,
        transfer_kinds=("other",) * transfer,
    )


@pytest.mark.parametrize("modality", MODALITIES)
@pytest.mark.parametrize("name", TASKS)
def test_items_targets_and_task_survive_saving(tmp_path, name, modality):
    splits = splits_of(task_of(name, SETTINGS.get(name)), modality)
    save_splits(splits, tmp_path)
    loaded = load_splits(tmp_path)
    assert (loaded.task, loaded.label_names, loaded.modality) == (splits.task, splits.label_names, modality)
    for part in PARTS:
        before, after = getattr(splits, part), getattr(loaded, part)
        assert after.items == before.items
        assert after.digest == before.digest
        assert after.targets.dtype == before.targets.dtype
        assert np.array_equal(after.targets, before.targets, equal_nan=name == "regression")


@pytest.mark.parametrize("name", TASKS)
def test_part_without_rows_keeps_the_form_of_targets(tmp_path, name):
    splits = splits_of(task_of(name), "pair", transfer=0)
    save_splits(splits, tmp_path)
    loaded = load_splits(tmp_path)
    assert loaded.transfer.items == []
    assert loaded.transfer.targets.shape == splits.transfer.targets.shape
    assert loaded.transfer.targets.dtype == splits.transfer.targets.dtype
