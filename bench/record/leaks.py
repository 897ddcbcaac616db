"""Near-duplicates of test rows as a run file holds them, and the sentences that tell of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from materials.modalities import ImageFile, Item
from materials.sources.image_check import short_name

CLOSEST = 5  # pairs that are shown
MOST_LETTERS = 100  # of an item that is shown


@dataclass(frozen=True, kw_only=True)
class NearPair:
    """Two rows that are almost the same, as they are shown: a test row, and one of the named part, if it has a name."""

    similarity: float
    test: str
    other: str
    part: str = ""

    @property
    def sentence(self) -> str:
        """Both rows in one line."""
        part = f" ({self.part})" if self.part else ""
        return f"{self.similarity:.2f}: '{self.test}' is nearly '{self.other}'{part}"


@dataclass(frozen=True, kw_only=True)
class LeakRecord:
    """How many test rows of a seed have a near-duplicate among train or transfer rows, and the closest of them.

    `by_part` counts them by the part that the nearest one is in; `dropped` is how many rows were taken from a part.
    """

    seed: int
    test_rows: int
    by_part: Mapping[str, int] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)
    closest: tuple[NearPair, ...] = ()

    @property
    def near_duplicates(self) -> int:
        """How many test rows have one."""
        return sum(self.by_part.values())

    @property
    def sentences(self) -> list[str]:
        """What is said after the split and below the tables; nothing where nothing is near."""
        sentences = []
        if dropped := sum(self.dropped.values()):
            parts = _counts(self.dropped)
            sentences.append(f"seed {self.seed}: near-duplicates of test rows taken out: {dropped:,} ({parts})")
        if self.near_duplicates:
            share = self.near_duplicates / self.test_rows
            sentences.append(
                f"seed {self.seed}: {self.near_duplicates:,} of {self.test_rows:,} test rows ({share:.1%}) have a "
                f"near-duplicate among the rows that are learned from ({_counts(self.by_part)}); "
                "--drop-near-duplicates takes these out; the closest:"
            )
            sentences += [pair.sentence for pair in self.closest]
        return sentences


def read_leaks(content: Mapping[str, Any]) -> LeakRecord:
    """A record as a run file holds it."""
    return LeakRecord(**{**content, "closest": tuple(NearPair(**pair) for pair in content["closest"])})


def shown(item: Item) -> str:
    """An item in a few words: a text or pair cut to its beginning, an image by its file."""
    if isinstance(item, ImageFile):
        return short_name(item)
    line = " ".join((item if isinstance(item, str) else " | ".join(item)).split())
    return line if len(line) <= MOST_LETTERS else f"{line[:MOST_LETTERS].rstrip()} ..."


def _counts(rows_of_part: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {part}" for part, count in rows_of_part.items() if count)
