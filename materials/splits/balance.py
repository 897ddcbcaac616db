"""As many rows of each class as of any other, drawn by a seed."""

from typing import Literal

import numpy as np

from materials.modalities import Item
from materials.rows import Rows
from materials.tasks.task import Task

FIRST_ROWS = 3
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


def fewer(rows: Rows, count: int, task: Task, seed: int) -> tuple[Rows, list[Item]]:
    """Draw `count` rows in all; return them in their order, and the items of all others in random order.

    With no more rows than that, all stay. The first three rows of a stratum are drawn before the others, so that a rare
    class can be split and learned.
    """
    if len(rows) <= count:
        return rows, []
    order = np.random.default_rng(seed).permutation(len(rows))
    strata = np.asarray(task.strata(rows.targets))[order]
    by_stratum = np.argsort(strata, kind="stable")
    starts = np.flatnonzero(np.diff(strata[by_stratum], prepend=strata.min() - 1))
    # The rank of each row among those of its stratum, in the random order.
    ranks = np.empty(len(rows), dtype=np.int64)
    ranks[by_stratum] = np.arange(len(rows)) - np.repeat(starts, np.diff(starts, append=len(rows)))
    by_rank = order[np.argsort(np.minimum(ranks, FIRST_ROWS), kind="stable")]
    return rows.take(np.sort(by_rank[:count])), rows.take(by_rank[count:]).items


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
