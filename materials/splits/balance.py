"""As many rows of each class as of any other, drawn by a seed."""

from typing import Literal

import numpy as np

from materials.modalities import Item
from materials.rows import Rows

RowsPerClass = int | Literal["rarest"]


def balanced(rows: Rows, *, rows_per_class: RowsPerClass, classes: int, seed: int) -> tuple[Rows, list[Item]]:
    """Draw rows; return them in their order, and the items of all others.

    Of each class they are as many as `rows_per_class` says or as the rarest class has, whichever are fewer. A class
    without rows, such as one that a teacher gives no row to, does not count.
    """
    counts = np.bincount(rows.targets, minlength=classes)
    rarest = int(counts[counts > 0].min())
    rows_of_each = rarest if rows_per_class == "rarest" else min(rows_per_class, rarest)
    generator = np.random.default_rng(seed)
    is_drawn = np.zeros(len(rows), dtype=bool)
    for label in np.flatnonzero(counts):
        is_drawn[generator.choice(np.flatnonzero(rows.targets == label), size=rows_of_each, replace=False)] = True
    return rows.take(np.flatnonzero(is_drawn)), rows.take(np.flatnonzero(~is_drawn)).items


def at_most(labels: np.ndarray, times: float, *, seed: int) -> np.ndarray:
    """The positions, in their order, of rows drawn so that no class has more than `times` the rows of the rarest.

    `labels` is int64 (rows,); a class without rows does not count.
    """
    generator = np.random.default_rng(seed)
    counts = np.bincount(labels)
    largest_count = int(times * counts[counts > 0].min(initial=len(labels)))
    row_numbers = [
        generator.permutation(np.flatnonzero(labels == label))[:largest_count] for label in range(len(counts))
    ]
    # The empty array is for labels without a row, of which nothing can be concatenated.
    return np.sort(np.concatenate([np.arange(0), *row_numbers]))
