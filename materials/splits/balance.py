"""As many rows of each class as of any other, drawn by a seed."""

from typing import Literal

import numpy as np

from materials.rows import Rows

RowsPerClass = int | Literal["rarest"]


def balanced(rows: Rows, *, rows_per_class: RowsPerClass, classes: int, seed: int) -> tuple[Rows, list[str]]:
    """The drawn rows, in their order, and the texts of all others.

    Of each class they are as many as `rows_per_class` says or as the rarest class has, whichever are fewer.
    """
    rarest = int(np.bincount(rows.targets, minlength=classes).min())
    wanted = rarest if rows_per_class == "rarest" else min(rows_per_class, rarest)
    generator = np.random.default_rng(seed)
    drawn = np.zeros(len(rows), dtype=bool)
    for label in range(classes):
        drawn[generator.choice(np.flatnonzero(rows.targets == label), size=wanted, replace=False)] = True
    texts, others = ([rows.items[row] for row in np.flatnonzero(chosen)] for chosen in (drawn, ~drawn))
    return Rows(items=texts, targets=rows.targets[drawn]), others


def at_most(labels: np.ndarray, times: float, *, seed: int) -> np.ndarray:
    """The positions, in their order, of rows drawn so that no class has more than `times` the rows of the rarest.

    `labels` is int64 (rows,); a class without rows does not count.
    """
    generator = np.random.default_rng(seed)
    counts = np.bincount(labels)
    most = int(times * counts[counts > 0].min(initial=len(labels)))
    drawn = [generator.permutation(np.flatnonzero(labels == label))[:most] for label in range(len(counts))]
    return np.sort(np.concatenate([np.arange(0), *drawn]))
