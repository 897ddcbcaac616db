"""The near-duplicates of rows among other rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from materials.leaks.fingerprints import Fingerprints
from materials.leaks.pictures import pictures
from materials.leaks.word_sets import word_sets
from materials.modalities import Item
from materials.report import Report

SETTLED = 0.95  # a row that is so near to another is looked up no further
PAIRS_AT_ONCE = 500_000
NONE = -1
FINGERPRINTS: Mapping[str, Callable[[Any, Report], Fingerprints]] = {
    "text": word_sets,
    "pair": word_sets,
    "image": pictures,
}


@dataclass(frozen=True, kw_only=True)
class Nearest:
    """For each row the number of its nearest near-duplicate, int64 (rows,), -1 for none, and how alike both are."""

    numbers: np.ndarray
    similarity: np.ndarray

    @property
    def rows(self) -> np.ndarray:
        """The numbers of the rows that have a near-duplicate."""
        return np.flatnonzero(self.numbers != NONE)

    @property
    def closest(self) -> np.ndarray:
        """The same, the most alike first."""
        return self.rows[np.argsort(-self.similarity[self.rows], kind="stable")]


def fingerprints_of(items: Sequence[Item], modality: str, report: Report) -> Fingerprints:
    """The fingerprints of items of a modality. Raises RequestError for an image that cannot be read."""
    return FINGERPRINTS[modality](items, report)


def nearest(rows: Fingerprints, others: Fingerprints) -> Nearest:
    """The near-duplicates of rows among others; where both are the same object, no row is its own."""
    numbers, similarity = np.full(len(rows), NONE), np.zeros(len(rows))
    for row_keys, other_keys in zip(rows.keys, others.keys, strict=True):
        open_rows = np.flatnonzero(similarity < SETTLED)
        # Each key with its row in the lower half, so that one sort gives both.
        in_order = np.sort(other_keys.astype(np.uint64) << np.uint64(32) | np.arange(len(others), dtype=np.uint64))
        open_rows = open_rows[np.argsort(row_keys[open_rows], kind="stable")]  # neighbours are looked up in turn
        sorted_keys = (in_order >> np.uint64(32)).astype(np.uint32)
        starts = np.searchsorted(sorted_keys, row_keys[open_rows], side="left")
        counts = np.searchsorted(sorted_keys, row_keys[open_rows], side="right") - starts
        has_candidates = counts > (1 if rows is others else 0)
        open_rows, starts, counts = open_rows[has_candidates], starts[has_candidates], counts[has_candidates]
        step = PAIRS_AT_ONCE // rows.most_candidates
        for first in range(0, len(open_rows), step):
            part = slice(first, first + step)
            positions, places = _candidates(starts[part], counts[part], rows.most_candidates)
            left = open_rows[part][positions]
            right = (in_order[places] & np.uint64(0xFFFFFFFF)).astype(np.int64)
            if rows is others:
                left, right = left[left != right], right[left != right]
            values = rows.similarity(left, others, right)
            is_near = values >= rows.threshold
            _keep_best(numbers, similarity, left[is_near], right[is_near], values[is_near])
    return Nearest(numbers=numbers, similarity=similarity)


def _candidates(starts: np.ndarray, counts: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """For each pair the position of its row and the place of its candidate; of more than `most`, evenly spread ones."""
    taken = np.minimum(counts, most)
    positions = np.repeat(np.arange(len(starts)), taken)
    ranks = np.arange(len(positions)) - np.repeat(np.cumsum(taken) - taken, taken)
    return positions, starts[positions] + ranks * counts[positions] // taken[positions]


def _keep_best(
    numbers: np.ndarray, similarity: np.ndarray, left: np.ndarray, right: np.ndarray, values: np.ndarray
) -> None:
    """Put the nearest of these pairs into the results where they are nearer than what is there."""
    best_last = np.lexsort([-right, values])  # of equal ones the first row comes last, and so stays
    left, right, values = left[best_last], right[best_last], values[best_last]
    is_nearer = values > similarity[left]
    # Of several values for one place numpy keeps the last.
    numbers[left[is_nearer]], similarity[left[is_nearer]] = right[is_nearer], values[is_nearer]
