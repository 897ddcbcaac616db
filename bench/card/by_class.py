"""The F1 of each class with its interval, from a confusion matrix alone."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.record.quality import class_counts
from bench.record.row import Row
from materials.tasks.metrics import f1_from_sums

DRAWS, MOST_NUMBERS = 1000, 10_000_000  # of numbers in memory at once


@dataclass(frozen=True, kw_only=True)
class ClassQuality:
    """The test rows of a class and its F1; the 95 % interval is none for several labels a row."""

    name: str
    rows: int
    f1: float
    low: float | None
    high: float | None


def quality_by_class(row: Row, *, seed: int = 0) -> list[ClassQuality]:
    """One for each class of a row, in their order; none for a row without figures of classes."""
    counts = class_counts(row)
    if counts is None or row.label_names is None:
        return []
    lows: Sequence[float | None] = [None] * len(row.label_names)
    highs: Sequence[float | None] = lows
    if row.confusion_matrix is not None:
        lows, highs = _interval(np.array(row.confusion_matrix), seed)
    values = f1_from_sums(counts.ravel()).tolist()
    return [
        ClassQuality(name=name, rows=int(rows), f1=value, low=low, high=high)
        for name, rows, value, low, high in zip(row.label_names, counts[1], values, lows, highs, strict=True)
    ]


def _interval(confusion: np.ndarray, seed: int) -> tuple[list[float], list[float]]:
    """The ends of the bootstrap over rows, for each class of a matrix (classes, classes).

    Rows in one cell are alike to F1, so that drawing rows anew is drawing the cells' counts from a multinomial.
    """
    count, classes = int(confusion.sum()), len(confusion)
    generator = np.random.default_rng(seed)
    shares = confusion.ravel() / count

    def drawn(size: int) -> np.ndarray:
        cells = generator.multinomial(count, shares, size=size).reshape(size, classes, classes)
        hits = np.diagonal(cells, axis1=1, axis2=2)
        return f1_from_sums(np.concatenate([hits, cells.sum(axis=2), cells.sum(axis=1)], axis=1))

    at_once = max(1, MOST_NUMBERS // classes**2)
    scores = np.concatenate([drawn(min(at_once, DRAWS - start)) for start in range(0, DRAWS, at_once)])
    low, high = np.quantile(scores, [0.025, 0.975], axis=0)
    return low.tolist(), high.tolist()
