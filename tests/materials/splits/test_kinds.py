"""Splits of pairs, images, several labels and numbers."""

from collections import Counter

import numpy as np
import pytest

from materials.errors import RequestError
from materials.modalities import ImageFile
from materials.rows import Source, Table
from materials.splits.augmentation import Augmentation
from materials.splits.split import SplitSettings, make_splits
from materials.tasks import task_of

MADE = Augmentation(copies=1, mask_share=0.3, replaced_share=0.3, ngram_share=0.5, mask_token="[MASK]")


def split(train, transfer=None, *, task="single-label", official_test=None, **changes):
    options = {"validation": 0.1, "test": 0.1, "seed": 0, **changes}
    return make_splits(Source(train=train, test=official_test), transfer, SplitSettings(**options), task=task_of(task))


def labelled_parts(splits):
    return [splits.train, splits.validation, splits.test]


def pairs(count):
    items = [(f"first {number}", f"second {number}") for number in range(count)]
    return Table(items=items, labels=["ab"[number % 2] for number in range(count)], modality="pair")


def images(count, folder="one"):
    items = [ImageFile(path=f"/{folder}/{number}.png", sha256=f"{number:064}") for number in range(count)]
    return Table(items=items, labels=["ab"[number % 2] for number in range(count)], modality="image")


def texts(labels):
    return Table(items=[f"text {number}" for number in range(len(labels))], labels=labels)


def test_pair_the_other_way_round_is_another_row_and_one_with_a_half_changed_too():
    table = pairs(50)
    turned = [(second, first) for first, second in table.items]
    crossed = [(first, second) for (first, _), (_, second) in zip(table.items, table.items[::-1], strict=True)]
    items = [*table.items, *turned, *crossed]
    splits = split(Table(items=items, labels=table.labels * 3, modality="pair"))
    assert sorted(item for rows in labelled_parts(splits) for item in rows.items) == sorted(items)


def test_pair_that_differs_in_case_and_punctuation_is_the_same_row():
    table = pairs(50)
    again = [(f"First, {number}!", f"SECOND {number}.") for number in range(50)]
    splits = split(Table(items=[*table.items, *again], labels=table.labels * 2, modality="pair"))
    assert sorted(item for rows in labelled_parts(splits) for item in rows.items) == sorted(table.items)


def test_transfer_pairs_hold_no_labelled_pair_but_may_share_a_half_of_one():
    table = pairs(50)
    others = [("First 3!", "second 3"), ("first 3", "second 4"), ("second 3", "first 3"), ("?", "!")]
    splits = split(table, Table(items=others, labels=None, modality="pair"))
    assert splits.transfer.items == others[1:3]
    assert splits.transfer.modality == "pair"


def test_image_of_the_same_content_is_one_row_wherever_it_lies():
    splits = split(Table(items=[*images(60).items, *images(60, "two").items], labels=["a", "b"] * 60, modality="image"))
    contents = [image.sha256 for rows in labelled_parts(splits) for image in rows.items]
    assert len(contents) == len(set(contents)) == 60
    assert {image.path.split("/")[1] for rows in labelled_parts(splits) for image in rows.items} == {"one"}


def test_image_of_the_test_rows_is_taken_out_of_train_though_its_file_has_another_name():
    splits = split(images(60), official_test=images(20, "test"))
    held_out = {image.sha256 for image in splits.test.items}
    assert len(held_out) == 20
    assert not held_out & {image.sha256 for rows in (splits.train, splits.validation) for image in rows.items}


def test_label_that_four_rows_have_is_in_every_part():
    labels = [("common", "rare") if number % 25 == 0 else ("common",) for number in range(100)]
    splits = split(texts([*labels, *[()] * 20]), task="multi-label", validation=0.25, test=0.25)
    rare = splits.label_names.index("rare")
    assert all(rows.targets[:, rare].sum() >= 1 for rows in labelled_parts(splits))
    assert all((rows.targets.sum(axis=1) == 0).any() for rows in labelled_parts(splits))  # and rows without labels


def test_labels_of_a_row_stay_together():
    labels = [[("a",), ("b",), ("a", "b"), ()][number % 4] for number in range(80)]
    splits = split(texts(labels), task="multi-label")
    for rows in labelled_parts(splits):
        row_labels = [labels[int(item.split()[1])] for item in rows.items]
        assert splits.task.labels_of(rows.targets, splits.label_names) == row_labels


def test_every_part_holds_low_and_high_numbers():
    numbers = [float(number**2) for number in np.random.default_rng(0).permutation(200)]
    splits = split(texts(numbers), task="regression")
    assert [len(rows) for rows in labelled_parts(splits)] == [160, 20, 20]
    for rows in labelled_parts(splits)[1:]:
        tenths = Counter((np.sqrt(rows.targets) // 20).astype(int).tolist())
        assert tenths == dict.fromkeys(range(10), 2)


@pytest.mark.parametrize("task", ["single-label", "multi-label", "regression"])
def test_transfer_rows_have_no_target(task):
    labels = {"single-label": ["a", "b"], "multi-label": [("a",), ("a", "b")], "regression": [1.0, 2.0]}[task]
    splits = split(texts(labels * 30), Table(items=["one more", "and more"], labels=None), task=task)
    assert splits.task.has_target(splits.transfer.targets).tolist() == [False, False]


def test_transfer_rows_of_another_kind_are_refused():
    with pytest.raises(
        RequestError,
        match="^the transfer rows are texts, but the train rows are images; give images, or none with --set",
    ):
        split(images(40), Table(items=["a text"], labels=None))


def test_words_of_images_and_augmentation_of_pairs_are_refused():
    with pytest.raises(RequestError, match="^data.fewest_words counts words, and the rows are images; leave it out$"):
        split(images(40), fewest_words=2)
    with pytest.raises(RequestError, match="^data.augmentation makes texts of texts, and the rows are pairs of texts"):
        split(pairs(40), augmentation=MADE)


def test_words_of_both_texts_of_a_pair_count_together():
    short = [("one", "two three"), ("one", "?"), ("", "so few")]
    table = pairs(40)
    splits = split(table, Table(items=short, labels=None, modality="pair"), fewest_words=3)
    assert splits.transfer.items == short[:1]
