"""A table from short words to their numbers that looks up whole arrays of words at once, exactly."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

BYTES_PER_KEY = 8
UNSETTLED = -1
SLOTS_PER_WORD = 8
_MASKS = np.array([(1 << 8 * length) - 1 for length in range(BYTES_PER_KEY + 1)], dtype=np.uint64)
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


WordTables = tuple[WordTable, WordTable]


def word_tables(vocabulary: Mapping[bytes, int], *, unknown: int) -> WordTables:
    """The tables of the words of 1 to 8 and of 9 to 16 bytes, none of them zero."""
    words = [word for word in vocabulary if word and b"\0" not in word]
    numbers = np.fromiter(map(vocabulary.__getitem__, words), dtype=np.int64, count=len(words))
    lengths = np.fromiter(map(len, words), dtype=np.int64, count=len(words))
    # 16 bytes, zero-filled, as two integers; longer words are cut here and dropped by `is_long`.
    keys = np.array(words, dtype=f"S{2 * BYTES_PER_KEY}").view("<u8").reshape(-1, 2).T
    is_short, is_long = lengths <= BYTES_PER_KEY, (lengths > BYTES_PER_KEY) & (lengths <= 2 * BYTES_PER_KEY)
    return (
        WordTable.of(keys[:1, is_short], numbers[is_short], unknown=unknown),
        WordTable.of(keys[:, is_long], numbers[is_long], unknown=unknown),
    )


def find_words(tables: WordTables, text_bytes: bytes, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """The numbers of the words between these places, int64 (words,); UNSETTLED where the tables cannot tell.

    `text_bytes` goes on for 16 bytes after the last of them. No word holds a zero byte.
    """
    short, long = tables
    lengths = ends - starts
    # Every window of 8 bytes as one integer, without a copy: windows overlap, as the stride is one byte.
    eights = np.ndarray(len(text_bytes) - BYTES_PER_KEY + 1, dtype="<u8", buffer=text_bytes, strides=(1,))
    first_keys = eights[starts]
    # A mask keeps the bytes of the word itself; a longer word keeps all 8, and is looked up again below.
    numbers = short.find((first_keys & _MASKS.take(lengths, mode="clip"))[None])
    long_words = np.flatnonzero(lengths > BYTES_PER_KEY)
    second_keys = eights[starts[long_words] + BYTES_PER_KEY] & _MASKS.take(
        lengths[long_words] - BYTES_PER_KEY, mode="clip"
    )
    numbers[long_words] = long.find(np.stack([first_keys[long_words], second_keys]))
    numbers[lengths > 2 * BYTES_PER_KEY] = UNSETTLED
    return numbers
