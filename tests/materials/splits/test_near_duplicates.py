"""Rows that are nearly test rows are taken from train and transfer, and no others."""

import pytest
from sample_near import made_up_texts, nearly

from materials.errors import RequestError
from materials.rows import Source, Table
from materials.splits.split import SplitSettings, make_splits
from materials.splits.store import load_splits, save_splits
from materials.tasks import task_of

TEST = made_up_texts(20)
TRAIN = made_up_texts(60, seed=1)
TRANSFER = made_up_texts(40, seed=2)
NEAR_TRAIN = [nearly(TEST[0], 0), nearly(TEST[1], 1)]
NEAR_TRANSFER = [nearly(TEST[0], 7), nearly(TEST[5], 5), nearly(TEST[6], 6)]


def labels(texts):
    return [str(number % 2) for number in range(len(texts))]


def split(train=(*TRAIN, *NEAR_TRAIN), train_labels=None, **changes):
    tables = {
        "train": Table(items=list(train), labels=train_labels or labels(train)),
        "test": Table(items=TEST, labels=labels(TEST)),
        "validation": Table(items=made_up_texts(10, seed=3), labels=labels(range(10))),
    }
    transfer = Table(items=[*TRANSFER, *NEAR_TRANSFER], labels=None)
    options = {"validation": 0.1, "test": 0.1, "seed": 0, **changes}
    return make_splits(Source(**tables), transfer, SplitSettings(**options), task=task_of("single-label"))


def test_exactly_the_near_duplicates_are_dropped():
    splits = split(drop_near_duplicates=True)
    assert (splits.train.items, splits.transfer.items) == (TRAIN, TRANSFER)
    assert splits.near_duplicates_dropped == {"train": 2, "transfer": 3}
    assert splits.test.items == TEST
    assert set(splits.transfer_kinds) == {"other"}


def test_nothing_is_dropped_unasked():
    splits = split()
    assert len(splits.train) == len(TRAIN) + 2
    assert len(splits.transfer) == len(TRANSFER) + 3
    assert splits.near_duplicates_dropped == {}


def test_transfer_rows_are_drawn_from_those_that_remain():
    splits = split(drop_near_duplicates=True, transfer_rows=40)
    assert sorted(splits.transfer.items) == sorted(TRANSFER)
    with pytest.raises(RequestError, match="the source has 40 that may be used"):
        split(drop_near_duplicates=True, transfer_rows=41)


def test_class_of_near_duplicates_alone_is_refused():
    rare = [*["0"] * len(TRAIN), *["1"] * 2]
    with pytest.raises(RequestError, match="all train rows of the class '1' are near-duplicates of test rows"):
        split(train_labels=rare, drop_near_duplicates=True)


def test_stored_splits_say_how_many_were_dropped(tmp_path):
    save_splits(split(drop_near_duplicates=True), tmp_path)
    assert load_splits(tmp_path).near_duplicates_dropped == {"train": 2, "transfer": 3}
