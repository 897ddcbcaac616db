"""A number for each item."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from materials.errors import RequestError
from materials.tasks.metrics import Metric, Sums, moments, pearson, weighted_spearman
from materials.tasks.task import RawLabel, Task, are_list

STRATA = 10
OUTPUT = "score"


@dataclass(frozen=True, kw_only=True)
class Regression(Task):
    """Targets are float64 (rows,), not a number for none; a model has one output, the number itself."""

    name: ClassVar[str] = "regression"
    noun: ClassVar[str] = "number"
    has_names: ClassVar[bool] = False
    kept_bound: ClassVar[str] = "smallest_correlation"
    kept_title: ClassVar[str] = "rank correlation"
    agreement_words: ClassVar[str] = "is the rank correlation of the numbers"
    kept_words: ClassVar[str] = "is its rank correlation with the original"

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Spearman's rank correlation, Pearson's r, and the mean squared error in the square of the target's unit."""
        return METRICS

    def read_labels(self, cells: Sequence[Any], *, separator: str | None, where: str) -> list[RawLabel]:
        """Finite numbers."""
        return [_number(cell, row, where) for row, cell in enumerate(cells, 1)]

    def label_names(self, labels: Sequence[RawLabel]) -> tuple[str, ...]:
        """The name of the one output."""
        if len(set(labels)) < 2:
            raise RequestError(f"all numbers of the data are {labels[0]:g}; a regression needs at least two")
        return (OUTPUT,)

    def targets(self, labels: Sequence[RawLabel | None], label_names: Sequence[str]) -> np.ndarray:
        """Float64 (rows,)."""
        return np.array([math.nan if number is None else number for number in labels], dtype=np.float64)

    def has_target(self, targets: np.ndarray) -> np.ndarray:
        """Which rows have a number."""
        return ~np.isnan(targets)

    def labels_of(self, targets: np.ndarray, label_names: Sequence[str]) -> list[RawLabel | None]:
        """The numbers."""
        return [None if math.isnan(number) else number for number in targets.tolist()]

    def decide(self, outputs: np.ndarray) -> np.ndarray:
        """The output."""
        return outputs[..., 0]

    def probabilities(self, outputs: np.ndarray) -> np.ndarray:
        """The output: a number has no probability."""
        return outputs.astype(np.float64)

    def strata(self, targets: np.ndarray) -> np.ndarray:
        """The tenth of the rows, from the lowest to the highest number, that a row is in."""
        # The argsort of an argsort is each row's rank.
        ranks = np.argsort(np.argsort(targets, kind="stable"), kind="stable")
        return ranks * min(STRATA, max(1, len(targets) // 2)) // max(1, len(targets))

    def unit_of_outputs(self, outputs: np.ndarray) -> float:
        """The standard deviation of the outputs, at least 1: fp32 keeps a number of digits, not of decimal places."""
        return max(1.0, float(outputs.std()))

    def middle(self, targets: np.ndarray) -> float:
        """The mean of the targets, without rows that have none."""
        return float(np.nanmean(targets))

    def scale(self, targets: np.ndarray) -> float:
        """The standard deviation of the targets, without rows that have none; 1 where they are all equal."""
        spread = float(np.nanstd(targets))
        # Rounding leaves equal numbers a spread of some 1e-16 of their size.
        return spread if spread > 1e-12 * float(np.nanmax(np.abs(targets))) else 1.0

    def agreement(self, outputs: np.ndarray, other_outputs: np.ndarray) -> float:
        """Spearman's rank correlation of the two; 1 for equal outputs, which need not vary."""
        if np.array_equal(outputs, other_outputs):
            return 1.0
        weights = np.ones((1, len(outputs)), dtype=np.int64)
        return float(weighted_spearman(outputs[:, 0], other_outputs, weights)[0])

    def teaches_alike(self, outputs: np.ndarray, other_outputs: np.ndarray) -> float:
        """The share of the variance that the others explain, 1 - sum (y - y')^2 / sum (y - mean)^2.

        The order alone would not do: students learn the numbers themselves.
        """
        if np.array_equal(outputs, other_outputs):
            return 1.0
        spread = float(((outputs - outputs.mean()) ** 2).sum())
        return 1 - float(((outputs - other_outputs) ** 2).sum()) / spread if spread else 0.0

    def kept(self, expected: np.ndarray, actual: np.ndarray, *, margin: float) -> float:
        """The rank correlation, as numbers have no margin; 1 for fewer than two different ones, which have no order."""
        return self.agreement(expected, actual) if len(np.unique(expected)) > 1 else 1.0


def _number(cell: Any, row: int, where: str) -> float:
    try:
        number = math.nan if are_list(cell) or isinstance(cell, bool) else float(cell)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise RequestError(f"{where} holds '{cell}' in row {row}; a regression needs a finite number in every row")
    return number


def _states(targets: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    return np.stack([targets, outputs[:, 0].astype(np.float64)], axis=1)


def _errors(states: np.ndarray, outputs: int) -> np.ndarray:
    return np.stack([(states[:, 0] - states[:, 1]) ** 2, np.ones(len(states))], axis=1)


METRICS = (
    Metric(name="spearman", title="Spearman", weighted=weighted_spearman, interval=True),
    Metric(
        name="pearson", title="Pearson", sums=Sums(states=_states, statistics=moments, value=pearson), interval=True
    ),
    Metric(
        name="mean_squared_error",
        title="squared error",
        sums=Sums(states=_states, statistics=_errors, value=lambda sums: sums[..., 0] / sums[..., 1]),
        unit="",
        higher_is_better=False,
    ),
)
