"""Texts whose label can be read off one word."""

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from materials.rows import Rows

POSITIVE = ("lovely", "brilliant", "funny", "moving", "superb", "charming")
NEGATIVE = ("dull", "awful", "tedious", "clumsy", "boring", "lifeless")
FILLER = ("the", "film", "is", "a", "story", "of", "two", "friends", "in", "paris", "with", "music", "and", "rain", "!")


def sentence(label: int, number: int) -> str:
    """A text whose label can be read off one word."""
    chance = random.Random(label * 1_000_003 + number)
    words = chance.choices(FILLER, k=chance.randint(3, 12))
    words.insert(chance.randrange(len(words)), chance.choice(POSITIVE if label else NEGATIVE))
    return " ".join(words) + f" {number}"


def sentences(count: int, start: int = 0) -> tuple[list[str], list[str]]:
    """Texts and label names, both classes equally often."""
    texts = [sentence(number % 2, start + number) for number in range(count)]
    return texts, [("bad", "good")[number % 2] for number in range(count)]


def labelled(count: int, start: int = 0) -> "Rows":
    """The same as rows whose labels are 0 for bad and 1 for good."""
    import numpy as np

    from materials.rows import Rows

    texts, labels = sentences(count, start)
    return Rows(items=texts, targets=np.array([int(label == "good") for label in labels]))
