"""A table from short words to their numbers that looks up whole arrays of words at once, exactly."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

BYTES_PER_KEY = 8
UNSETTLED = -1
SLOTS_PER_WORD = 8
_FACTORS = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F], dtype=np.uint64)


@dataclass(frozen=True, eq=False, kw_only=True)
class WordTable:
    """One slot for each hash, which goes to its word of the lowest number; the others are left out.

    A word is its bytes as one or two uint64, filled up with zero bytes. `keys` has shape (columns, slots), `numbers`
    (slots,); in an empty slot they are 0 and UNSETTLED.
    """

    keys: np.ndarray
    numbers: np.ndarray
    unknown: int

    @classmethod
    def of(cls, keys: np.ndarray, numbers: np.ndarray, *, unknown: int) -> "WordTable":
        """A table of words that hold no zero byte, given as keys of shape (columns, words)."""
        slots = 1 << (SLOTS_PER_WORD * len(numbers) + 1).bit_length()
        table = cls(
            keys=np.zeros((len(keys), slots), dtype=np.uint64),
            numbers=np.full(slots, UNSETTLED, dtype=np.int64),
            unknown=unknown,
        )
        last_wins = np.argsort(-numbers)
        taken = table._slots(keys[:, last_wins])
        table.keys[:, taken] = keys[:, last_wins]
        table.numbers[taken] = numbers[last_wins]
        return table

    def find(self, keys: np.ndarray) -> np.ndarray:
        """The numbers, int64 (words,), of words given as keys of shape (columns, words).

        UNSETTLED for a word whose slot another one has, and for the word of a single zero byte.
        """
        slots = self._slots(keys)
        stored = self.keys[0].take(slots)
        same = stored == keys[0]
        for column in range(1, len(keys)):
            same &= self.keys[column].take(slots) == keys[column]
        numbers = self.numbers.take(slots)
        others = np.flatnonzero(~same)
        numbers[others] = np.where(stored[others] == 0, self.unknown, UNSETTLED)
        return numbers

    def _slots(self, keys: np.ndarray) -> np.ndarray:
        mixed = keys[0] * _FACTORS[0]
        for column in range(1, len(keys)):
            mixed ^= keys[column] * _FACTORS[column]
        bits = len(self.numbers).bit_length() - 1
        return (mixed >> np.uint64(64 - bits)).view(np.int64)


def word_tables(vocabulary: Mapping[str, int], *, unknown: int) -> tuple[WordTable, WordTable]:
    """The tables of the Latin-1 words of 1 to 8 and of 9 to 16 characters."""
    words = [word for word in vocabulary if word and "\0" not in word and (word.isascii() or max(word) <= "\xff")]
    numbers = np.fromiter(map(vocabulary.__getitem__, words), dtype=np.int64, count=len(words))
    lengths = np.fromiter(map(len, words), dtype=np.int64, count=len(words))
    codes = [word.encode("latin-1") for word in words]
    keys = np.array(codes, dtype=f"S{2 * BYTES_PER_KEY}").view("<u8").reshape(-1, 2).T
    short, long = lengths <= BYTES_PER_KEY, (lengths > BYTES_PER_KEY) & (lengths <= 2 * BYTES_PER_KEY)
    return (
        WordTable.of(keys[:1, short], numbers[short], unknown=unknown),
        WordTable.of(keys[:, long], numbers[long], unknown=unknown),
    )
