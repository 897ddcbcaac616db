"""Fingerprints of items: keys that near-duplicates are likely to share, and how alike two items are."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

BANDS = 32


@dataclass(frozen=True, kw_only=True)
class Fingerprints(ABC):
    """Two items are near-duplicates where their similarity is at least `threshold`.

    `keys`, uint32 (bands, items), are the same in at least one band for nearly all near-duplicates. Of the items with
    the same key as another, `most_candidates` are compared with it.
    """

    threshold: ClassVar[float]
    most_candidates: ClassVar[int]
    keys: np.ndarray

    def __len__(self) -> int:
        return self.keys.shape[1]

    @abstractmethod
    def similarity(self, numbers: np.ndarray, others: "Fingerprints", other_numbers: np.ndarray) -> np.ndarray:
        """How alike items of these numbers are to items of others, (pairs,), 1 at most."""

    @abstractmethod
    def take(self, numbers: np.ndarray) -> "Fingerprints":
        """The fingerprints of the items of these numbers, in this order."""
