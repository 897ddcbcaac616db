"""A table from short words to their numbers that looks up whole arrays of words at once, exactly."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

BYTES_PER_KEY = 8
UNSETTLED = -1
SLOTS_PER_WORD = 8
# 2 ** 64 over the golden ratio, and the second prime of xxHash64: odd factors that spread keys over the upper bits.
_FACTORS = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F], dtype=np.uint64)


@dataclass(frozen=True, eq=False, kw_only=True)
class WordTable:
    """A hash table without chains: of the words with the same hash, the one with the lowest number has the slot.

    A word is its bytes as one or two uint64, filled up with zero bytes. `keys` has shape (columns, slots), `numbers`
    (slots,); an empty slot holds the key 0 and the number UNSETTLED.
    """

    keys: np.ndarray
    numbers: np.ndarray
    unknown: int

    @classmethod
    def of(cls, keys: np.ndarray, numbers: np.ndarray, *, unknown: int) -> "WordTable":
        """Build a table of words without a zero byte, which come as keys of shape (columns, words)."""
        # A power of two, of which the upper bits of a hash are an index; 8 slots a word leave few words without one.
        slots = 1 << (SLOTS_PER_WORD * len(numbers) + 1).bit_length()
        table = cls(
            keys=np.zeros((len(keys), slots), dtype=np.uint64),
            numbers=np.full(slots, UNSETTLED, dtype=np.int64),
            unknown=unknown,
        )
        # Of several values for one index, numpy keeps the last: the lowest number, which is the most frequent word.
        last_wins = np.argsort(-numbers)
        occupied_slots = table._slots(keys[:, last_wins])
        table.keys[:, occupied_slots] = keys[:, last_wins]
        table.numbers[occupied_slots] = numbers[last_wins]
        return table

    def find(self, keys: np.ndarray) -> np.ndarray:
        """The numbers, int64 (words,), of words that come as keys of shape (columns, words).

        UNSETTLED for a word whose slot another one has, and for the word of a single zero byte.
        """
        slots = self._slots(keys)
        stored_keys = self.keys[0].take(slots)
        is_match = stored_keys == keys[0]
        for column in range(1, len(keys)):
            is_match &= self.keys[column].take(slots) == keys[column]
        numbers = self.numbers.take(slots)
        # An empty slot proves that the vocabulary lacks the word; where another has the slot, the caller looks it up.
        misses = np.flatnonzero(~is_match)
        numbers[misses] = np.where(stored_keys[misses] == 0, self.unknown, UNSETTLED)
        return numbers

    def _slots(self, keys: np.ndarray) -> np.ndarray:
        # Multiplicative hashing (Knuth 1998, section 6.4): products wrap at 64 bits; the upper bits are mixed best.
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
    encoded_words = [word.encode("latin-1") for word in words]
    # 16 bytes, zero-filled, as two integers; longer words are cut here and dropped by `is_long`.
    keys = np.array(encoded_words, dtype=f"S{2 * BYTES_PER_KEY}").view("<u8").reshape(-1, 2).T
    is_short, is_long = lengths <= BYTES_PER_KEY, (lengths > BYTES_PER_KEY) & (lengths <= 2 * BYTES_PER_KEY)
    return (
        WordTable.of(keys[:1, is_short], numbers[is_short], unknown=unknown),
        WordTable.of(keys[:, is_long], numbers[is_long], unknown=unknown),
    )
