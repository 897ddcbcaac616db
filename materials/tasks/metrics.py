"""Metrics of quality: each a value, and its values on resampled rows, from targets and outputs. Numpy only."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

ROUNDING = 1e-12
Weighted = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Sums:
    """A metric that is a function of sums over rows, as F1, accuracy, Pearson's r and the squared error are.

    `states` gives numbers (rows, columns) that hold all the metric needs to know of each row; rows in the same state
    are alike. `statistics` turns states into what is summed, (rows, statistics), and `value` turns sums
    (..., statistics) into the metric (...).
    """

    states: Callable[[np.ndarray, np.ndarray], np.ndarray]
    statistics: Callable[[np.ndarray, int], np.ndarray]
    value: Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A figure of quality: `name` in records, `title` in tables; `unit` is points (shown times 100) or none.

    Either `sums` says how it follows from sums over rows, or `weighted` computes it for rows that count several times:
    (targets, outputs, weights (draws, rows)) -> (draws,). A metric with `interval` is printed with its bootstrap.
    """

    name: str
    title: str
    sums: Sums | None = None
    weighted: Weighted | None = None
    unit: str = "points"
    higher_is_better: bool = True
    interval: bool = False

    def __call__(self, targets: np.ndarray, outputs: np.ndarray) -> float:
        """The metric of targets (rows, ...) and outputs (rows, outputs), of at least one row, all with a label."""
        return float(self.resampled(targets, outputs, np.ones((1, len(targets)), dtype=np.int64))[0])

    def resampled(self, targets: np.ndarray, outputs: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """The metric (draws,) where row r counts weights[d, r] times in draw d."""
        if self.sums is None:
            if self.weighted is None:
                raise ValueError(f"metric {self.name} has neither sums nor a weighted form")
            return self.weighted(targets, outputs, weights)
        states = self.sums.states(targets, outputs)
        return self.sums.value(weights @ self.sums.statistics(states, outputs.shape[1]))


def f1_from_sums(sums: np.ndarray) -> np.ndarray:
    """F1 of each class (..., classes), from sums (..., 3 * classes) of hits, true rows and called rows.

    0 for a class that is neither there nor called.
    """
    hits, true_rows, called_rows = np.split(sums, 3, axis=-1)
    return shares(2 * hits, true_rows + called_rows)


def macro_f1(sums: np.ndarray) -> np.ndarray:
    """The mean of F1 over the classes that occur or are called, from the sums of `f1_from_sums`."""
    _, true_rows, called_rows = np.split(sums, 3, axis=-1)
    present = ((true_rows + called_rows) > 0).sum(axis=-1)
    return f1_from_sums(sums).sum(axis=-1) / np.maximum(present, 1)


def weighted_f1(sums: np.ndarray) -> np.ndarray:
    """The mean of F1 over the classes, each weighted by its true rows."""
    true_rows = np.split(sums, 3, axis=-1)[1]
    return shares((f1_from_sums(sums) * true_rows).sum(axis=-1), true_rows.sum(axis=-1))


def micro_f1(sums: np.ndarray) -> np.ndarray:
    """F1 over the decisions of all classes together."""
    hits, true_rows, called_rows = (part.sum(axis=-1) for part in np.split(sums, 3, axis=-1))
    return shares(2 * hits, true_rows + called_rows)


def pearson(sums: np.ndarray) -> np.ndarray:
    """Pearson's r from sums (..., 6) of 1, x, y, xx, yy, xy; 0 where x or y does not vary."""
    count, x, y, xx, yy, xy = np.moveaxis(sums, -1, 0)
    spread_x, spread_y = count * xx - x * x, count * yy - y * y
    # Rounding leaves a variance of zero a little beside it: what is below the last digits of the sums counts as none.
    varies = (spread_x > ROUNDING * count * xx) & (spread_y > ROUNDING * count * yy)
    correlation = shares(count * xy - x * y, np.sqrt(np.where(varies, spread_x * spread_y, 0)))
    return np.clip(correlation, -1, 1)


def moments(states: np.ndarray, outputs: int) -> np.ndarray:
    """What `pearson` sums, (rows, 6), from x and y (rows, 2); they are centred first, as large means cost digits."""
    x, y = (states - states.mean(axis=0)).T
    return np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=1)


def weighted_ranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The ranks (draws, rows) of values (rows,), equal ones sharing their mean rank, where rows count several times.

    A row that counts w times takes w ranks in a row, so an equal group that ends at rank e and holds w rows has the
    mean rank e - (w - 1) / 2.
    """
    _, group = np.unique(values, return_inverse=True)
    order = np.argsort(group, kind="stable")
    # In sorted order, the rows of a group stand side by side, so one sum from start to start gives its weight.
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    group_weights = np.add.reduceat(weights[:, order], starts, axis=1)
    return (np.cumsum(group_weights, axis=1) - (group_weights - 1) / 2)[:, group]


def weighted_spearman(targets: np.ndarray, outputs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Spearman's rank correlation (draws,): Pearson's r of the ranks."""
    x, y = (weighted_ranks(values, weights) for values in (targets, outputs[:, 0]))
    count = weights.sum(axis=1, keepdims=True)
    x, y = (ranks - (weights * ranks).sum(axis=1, keepdims=True) / count for ranks in (x, y))
    spread = np.sqrt((weights * x * x).sum(axis=1) * (weights * y * y).sum(axis=1))
    return shares((weights * x * y).sum(axis=1), spread)


def weighted_average_precision(targets: np.ndarray, outputs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The mean over labels with a true row of average precision, (draws,): sum of (R_n - R_n-1) P_n over thresholds n.

    `targets` is 0 or 1, (rows, labels). Rows of equal score are one threshold, as in scikit-learn.
    """
    per_label = [_average_precision(*columns, weights) for columns in zip(targets.T, outputs.T, strict=True)]
    has_rows = (weights @ targets) > 0
    return shares((np.stack(per_label, axis=1) * has_rows).sum(axis=1), has_rows.sum(axis=1))


def _average_precision(is_true: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    order = np.argsort(-scores, kind="stable")
    # Only the last row of equal scores is a threshold: precision between equal scores would depend on their order.
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    hits = np.cumsum(weights[:, order] * is_true[order], axis=1)[:, ends]
    called_rows = np.cumsum(weights[:, order], axis=1)[:, ends]
    recall_steps = np.diff(shares(hits, hits[:, -1:]), axis=1, prepend=0)
    return (recall_steps * shares(hits, called_rows)).sum(axis=1)


def shares(parts: np.ndarray, wholes: np.ndarray) -> np.ndarray:
    """Parts divided by wholes; 0 where a whole is 0."""
    parts, wholes = np.broadcast_arrays(np.asarray(parts, dtype=float), wholes)
    return np.divide(parts, wholes, out=np.zeros(parts.shape), where=wholes > 0)
