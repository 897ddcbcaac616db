"""As many rows of each class as of any other, drawn by a seed."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from materials.errors import RequestError
from materials.rows import Rows

RowsPerClass = int | Literal["rarest"]


def balanced(
    rows: Rows, *, rows_per_class: RowsPerClass, label_names: Sequence[str], seed: int
) -> tuple[Rows, list[str]]:
    """The drawn rows, in their order, and the texts of all others; `rarest` is the number of rows of the rarest class.

    Raises RequestError when a class has fewer rows.
    """
    counts = np.bincount(rows.labels, minlength=len(label_names))
    rarest = int(counts.argmin())
    wanted = int(counts[rarest]) if rows_per_class == "rarest" else rows_per_class
    if wanted > counts[rarest]:
        raise RequestError(
            f"data.balance asks for {wanted:,} rows of each class, but class '{label_names[rarest]}' has "
            f"{counts[rarest]:,} different ones; lower it, or set it to rarest"
        )
    generator = np.random.default_rng(seed)
    drawn = np.zeros(len(rows), dtype=bool)
    for label in range(len(label_names)):
        drawn[generator.choice(np.flatnonzero(rows.labels == label), size=wanted, replace=False)] = True
    texts, others = ([rows.texts[row] for row in np.flatnonzero(chosen)] for chosen in (drawn, ~drawn))
    return Rows(texts=texts, labels=rows.labels[drawn]), others


def at_most(labels: np.ndarray, times: float, *, seed: int) -> np.ndarray:
    """The positions, in their order, of rows drawn so that no class has more than `times` the rows of the rarest.

    `labels` is int64 (rows,); a class without rows does not count.
    """
    generator = np.random.default_rng(seed)
    counts = np.bincount(labels)
    most = int(times * counts[counts > 0].min(initial=len(labels)))
    drawn = [generator.permutation(np.flatnonzero(labels == label))[:most] for label in range(len(counts))]
    return np.sort(np.concatenate([np.arange(0), *drawn]))
