"""Taking rows out of train and transfer that are near-duplicates of test rows."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from materials.leaks.nearest import NONE, fingerprints_of, nearest
from materials.modalities import Item
from materials.report import silent
from materials.rows import Rows


class NearTest:
    """What is near the test rows; `dropped` counts the rows that were found so, by the name of their part."""

    def __init__(self, test: Rows) -> None:
        self.dropped: Counter[str] = Counter()
        self._modality, self._test = test.modality, fingerprints_of(test.items, test.modality, silent)

    def far_rows(self, part: str, items: Sequence[Item]) -> np.ndarray:
        """The numbers of the items of a part that are near-duplicates of no test row, int64, in their order."""
        numbers, fingerprints = np.arange(len(items)), fingerprints_of(items, self._modality, silent)
        while True:
            # Both ways, as of very many candidates a sample is compared, which is another one from the other side.
            is_near = nearest(fingerprints, self._test).numbers != NONE
            partners = nearest(self._test, fingerprints).numbers
            is_near[partners[partners != NONE]] = True
            if not is_near.any():
                self.dropped[part] += len(items) - len(numbers)
                return numbers
            numbers, fingerprints = numbers[~is_near], fingerprints.take(np.flatnonzero(~is_near))
