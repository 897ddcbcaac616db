"""Fingerprints of texts: MinHash over their word shingles, and the similarity of Jaccard."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np

from materials.leaks.fingerprints import BANDS, Fingerprints
from materials.leaks.words import mixed, shingle_sets
from materials.modalities import Item
from materials.report import Report

HASHES_OF_BAND = 4
CHUNK_LETTERS = 4_000_000  # texts are taken so many letters at once, which bounds memory
THREADS = 2


@dataclass(frozen=True, kw_only=True)
class WordSets(Fingerprints):
    """Texts, or pairs of texts, by their word shingles: those of item i are shingles[starts[i]:starts[i + 1]].

    The similarity is that of Jaccard, which is exact; of pairs, that of the less similar texts.
    """

    # One word in eight may be another: of n + 1 shingles, two for each changed word are lost, and two are new.
    threshold: ClassVar[float] = 0.6
    most_candidates: ClassVar[int] = 16
    shingles: np.ndarray
    starts: np.ndarray

    def similarity(self, numbers: np.ndarray, others: Fingerprints, other_numbers: np.ndarray) -> np.ndarray:
        """Shingles of both, as a share of the shingles of either."""
        if not isinstance(others, WordSets):
            raise TypeError("texts are compared with texts")
        keys = np.sort(np.concatenate([self._keyed(numbers), others._keyed(other_numbers)]))
        # Each side of a pair is counted apart: what follows the pair's number in a key ends with the bit of the side.
        side_of_key = ((keys >> np.uint64(32)) * np.uint64(2) + (keys & np.uint64(1))).astype(np.int64)
        is_in_both = keys[1:] == keys[:-1]
        sizes = np.bincount(side_of_key, minlength=2 * len(numbers))
        shared = np.bincount(side_of_key[1:][is_in_both], minlength=2 * len(numbers))
        jaccard = np.divide(shared, sizes - shared, out=np.ones(len(sizes)), where=sizes > 0)
        return jaccard.reshape(-1, 2).min(axis=1)

    def take(self, numbers: np.ndarray) -> "WordSets":
        """The same texts by other numbers."""
        positions, sizes = self._positions(numbers)
        starts = np.append(0, np.cumsum(sizes))
        return WordSets(keys=self.keys[:, numbers], shingles=self.shingles[positions], starts=starts)

    def _keyed(self, numbers: np.ndarray) -> np.ndarray:
        """The shingles of items, uint64, each below the position of its item in `numbers`."""
        positions, sizes = self._positions(numbers)
        places = np.repeat(np.arange(len(numbers), dtype=np.uint64), sizes)
        return places << np.uint64(32) | self.shingles[positions].astype(np.uint64)

    def _positions(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where the shingles of items stand, one item after the other, and how many each has."""
        sizes = self.starts[numbers + 1] - self.starts[numbers]
        before = np.cumsum(sizes) - sizes
        return np.arange(sizes.sum()) + np.repeat(self.starts[numbers] - before, sizes), sizes


def word_sets(items: Sequence[Item], report: Report) -> WordSets:
    """The fingerprints of texts or of pairs of texts, two threads at work."""
    parts = []
    with ThreadPoolExecutor(THREADS) as pool:
        chunks = list(_chunks(items))
        for number, part in enumerate(pool.map(lambda chunk: _word_sets(items[chunk]), chunks)):
            parts.append(part)
            report(chunks[number].stop, len(items))
    sizes = np.concatenate([np.zeros(1, dtype=np.int64), *(sizes for _, sizes, _ in parts)])
    return WordSets(
        keys=np.concatenate([np.zeros((BANDS, 0), dtype=np.uint32), *(keys for _, _, keys in parts)], axis=1),
        shingles=np.concatenate([np.zeros(0, dtype=np.uint32), *(shingles for shingles, _, _ in parts)]),
        starts=np.cumsum(sizes),
    )


def min_hashes(shingles: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """A key for each band and set, uint32 (bands, sets): equal where all minima of a band are.

    The share of equal minima of two sets is that of Jaccard in expectation (Broder 1997), so that sets of similarity s
    share a key with the probability 1 - (1 - s^4)^32: 0.99 for 0.6, 0.9998 for 0.7, and 0.003 for 0.1.
    """
    generator = np.random.default_rng(0)
    # An odd factor makes the product a permutation of all numbers of 32 bits; the other bits are turned before.
    factors = generator.integers(0, 2**31, (BANDS, HASHES_OF_BAND), dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    turns = generator.integers(0, 2**32, (BANDS, HASHES_OF_BAND), dtype=np.uint32)
    keys = np.empty((BANDS, len(starts)), dtype=np.uint32)
    for band in range(BANDS):
        key = np.zeros(len(starts), dtype=np.uint64)
        for factor, turn in zip(factors[band], turns[band], strict=True):
            minima = np.minimum.reduceat((shingles ^ turn) * factor, starts)
            key = mixed(key * np.uint64(3) + minima)
        keys[band] = key >> np.uint64(32)
    return keys


def _word_sets(items: Sequence[Item]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The shingles, how many each item has, and the keys."""
    shingles, sizes = shingle_sets(items)
    return shingles, sizes, min_hashes(shingles, np.cumsum(sizes) - sizes)


def _chunks(items: Sequence[Item]) -> Iterator[slice]:
    """Slices of items of a bounded number of letters each."""
    is_pair = bool(items) and isinstance(items[0], tuple)
    letters = np.cumsum([len(item[0]) + len(item[1]) if is_pair else len(item) for item in items])
    ends = np.flatnonzero(np.diff(letters // CHUNK_LETTERS, append=-1)) + 1
    for start, end in pairwise([0, *ends.tolist()]):
        yield slice(start, end)
