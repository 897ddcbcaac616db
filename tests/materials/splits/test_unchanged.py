"""Splits of texts with one label each are row for row what they were before there were other tasks and items.

What is expected here was printed by `materials.splits.split.make_splits` at commit 7a664eb, for the sources below, with
numpy 2.4.6 and scikit-learn 1.9.1, whose random numbers it takes. A run that is repeated depends on it: its rows are
what the figures of published runs and the keys of stored stages are of.
"""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from materials.rows import Source, Table
from materials.splits.augmentation import Augmentation
from materials.splits.split import SplitSettings, make_splits
from materials.splits.store import PARTS
from materials.tasks import task_of

WORDS = ("the", "film", "is", "a", "story", "of", "two", "friends", "in", "paris", "with", "rain")
NAMES = ("bad", "good", "so-so")
MADE = Augmentation(copies=2, mask_share=0.2, replaced_share=0.3, ngram_share=0.25, mask_token="[MASK]")


def text(number):
    words = [WORDS[(number * step + number // 7) % len(WORDS)] for step in (1, 5, 7, 11)]
    return " ".join([*words, str(number)])


def table(start, stop):
    numbers = range(start, stop)
    return Table(items=[text(number) for number in numbers], labels=[NAMES[number * 7 % 11 % 3] for number in numbers])


def with_odd_texts():
    """Rows with two texts that are there already, and two without a letter."""
    rows = table(0, 150)
    odd = [text(3).upper() + "!", "👍👍", ":-)", text(4) + " ."]
    return Table(items=[*rows.items, *odd], labels=[*rows.labels, "bad", "good", "bad", "good"])


OTHERS = Table(items=[*map(text, range(100, 260)), "?!", text(200).title()], labels=None)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A source and settings, and what the old code drew: rows of each part, and digests of all parts and of train."""

    source: Source
    rows: list[int]
    parts_digest: str
    train_digest: str
    settings: dict[str, Any] = field(default_factory=dict)
    transfer: Table | None = None


CASES = {
    "shares": Case(
        source=Source(train=table(0, 60)),
        rows=[48, 6, 6, 0],
        parts_digest="0278b304a3c522cd",
        train_digest="8e493bec5cab9d9b288ad54aa29907ea",
    ),
    "another seed": Case(
        source=Source(train=table(0, 60)),
        settings={"seed": 3},
        rows=[48, 6, 6, 0],
        parts_digest="de5c4427bd415a63",
        train_digest="55f874b7ff40f8fc5e0d8113c26d4c77",
    ),
    "equal texts and texts without letters": Case(
        source=Source(train=with_odd_texts()),
        transfer=OTHERS,
        settings={"validation": 0.2, "transfer_rows": 40},
        rows=[107, 30, 15, 40],
        parts_digest="4ae204856507f5dc",
        train_digest="85cc698c24256752a20b6a8614717f05",
    ),
    "official test rows": Case(
        source=Source(train=table(0, 150), test=table(140, 180)),
        transfer=OTHERS,
        rows=[126, 14, 40, 80],
        parts_digest="dd1f89644ae52ebd",
        train_digest="342d0610d28f7e82c593bb8f6ee97672",
    ),
    "official validation and test rows": Case(
        source=Source(train=table(0, 150), validation=table(150, 170), test=table(160, 180)),
        rows=[150, 10, 20, 0],
        parts_digest="33c552f5551e27d4",
        train_digest="17a7bb7e67dff67885b1f58e553ec88a",
    ),
    "balance": Case(
        source=Source(train=with_odd_texts()),
        transfer=OTHERS,
        settings={"balance": "rarest", "transfer_rows": 30},
        rows=[96, 12, 12, 62],
        parts_digest="f3bc75948bdd09c8",
        train_digest="7db15c26c35a93f34a90bda1958e5cdb",
    ),
    "augmentation": Case(
        source=Source(train=with_odd_texts()),
        transfer=OTHERS,
        settings={"balance": 20, "fewest_words": 3, "augmentation": MADE, "seed": 1},
        rows=[48, 6, 6, 278],
        parts_digest="62139977d69874ed",
        train_digest="5e16fc6572be9e4886b7f864a1e54323",
    ),
}


def drawn(case):
    settings = SplitSettings(**{"validation": 0.1, "test": 0.1, "seed": 0, **case.settings})
    return make_splits(case.source, case.transfer, settings, task=task_of("single-label"))


@pytest.mark.parametrize("name", CASES)
def test_all_parts_hold_the_same_rows_in_the_same_order_as_before(name):
    case, splits = CASES[name], drawn(CASES[name])
    parts = {part: getattr(splits, part) for part in PARTS}
    content = [
        splits.label_names,
        splits.transfer_kinds,
        splits.mask_token,
        [[rows.items, rows.targets.tolist()] for rows in parts.values()],
    ]
    assert [len(rows) for rows in parts.values()] == case.rows
    assert hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16] == case.parts_digest
    assert splits.train.digest == case.train_digest


def test_test_and_validation_rows_are_these():
    splits = drawn(CASES["shares"])
    assert splits.test.items == [
        "of film rain friends 5",
        "is with in story 23",
        "film film friends friends 33",
        "of of of of 36",
        "in in is is 39",
        "paris film paris film 40",
    ]
    assert splits.test.targets.tolist() == [2, 1, 0, 1, 0, 2]
    assert [int(item.split()[-1]) for item in splits.validation.items] == [18, 31, 35, 45, 46, 54]
    assert splits.validation.targets.tolist() == [2, 2, 0, 1, 0, 1]
