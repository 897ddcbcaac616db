"""One class for each item: the highest output is the decision."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from materials.errors import RequestError
from materials.tasks.metrics import Metric, Sums, macro_f1, micro_f1, weighted_f1
from materials.tasks.task import RawLabel, Task, are_list, as_name, in_name_order, refuse_alike, written_list

NO_LABEL = -1


@dataclass(frozen=True, kw_only=True)
class SingleLabel(Task):
    """Targets are label numbers, int64 (rows,), -1 for none; outputs are logits, one for each class."""

    name: ClassVar[str] = "single-label"
    noun: ClassVar[str] = "class"
    kept_words: ClassVar[str] = "of the sure labels agree"

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Macro-F1, accuracy, weighted- and micro-F1."""
        return METRICS

    @property
    def epoch_metrics(self) -> tuple[Metric, ...]:
        """Accuracy and macro-F1."""
        return METRICS[1], METRICS[0]

    def read_labels(self, cells: Sequence[Any], *, separator: str | None, where: str) -> list[RawLabel]:
        """Class names."""
        if lists := [row for row, cell in enumerate(cells, 1) if are_list(cell)]:
            raise RequestError(
                f"{where} holds a list in row {lists[0]}; for several labels a row set --set data.task=multi-label"
            )
        if lists := [row for row, cell in enumerate(cells, 1) if written_list(cell) is not None]:
            raise RequestError(
                f"{where} holds a list written as a text in row {lists[0]} ({cells[lists[0] - 1]!r:.40}); for several "
                "labels a row set --set data.task=multi-label, else write one class without brackets"
            )
        if mappings := [row for row, cell in enumerate(cells, 1) if isinstance(cell, dict)]:
            raise RequestError(f"{where} holds a mapping in row {mappings[0]}; expected the name of a class")
        return [as_name(cell).strip() for cell in cells]

    def label_names(self, labels: Sequence[RawLabel]) -> tuple[str, ...]:
        """The classes, sorted; numbers by their value."""
        names = set(labels)
        refuse_alike(names)
        if len(names) < 2:
            raise RequestError(f"the data has one class only ('{next(iter(names))}'); a classifier needs at least two")
        return in_name_order(names)

    def targets(self, labels: Sequence[RawLabel | None], label_names: Sequence[str]) -> np.ndarray:
        """Int64 (rows,)."""
        numbers = {name: number for number, name in enumerate(label_names)}
        return np.array([NO_LABEL if name is None else numbers[name] for name in labels], dtype=np.int64)

    def has_target(self, targets: np.ndarray) -> np.ndarray:
        """Which rows have a class."""
        return targets >= 0

    def labels_of(self, targets: np.ndarray, label_names: Sequence[str]) -> list[RawLabel | None]:
        """Class names."""
        return [label_names[number] if number >= 0 else None for number in targets.tolist()]

    def decide(self, outputs: np.ndarray) -> np.ndarray:
        """The number of the highest logit."""
        return outputs.argmax(axis=-1)

    def probabilities(self, outputs: np.ndarray) -> np.ndarray:
        """The softmax of the logits."""
        return softmax(outputs)

    def strata(self, targets: np.ndarray) -> np.ndarray:
        """The classes themselves."""
        return targets

    def rows_per_name(self, targets: np.ndarray, names: int) -> np.ndarray | None:
        """The rows of each class."""
        return np.bincount(targets[targets >= 0], minlength=names)

    def right(self, targets: np.ndarray, outputs: np.ndarray) -> np.ndarray | None:
        """Rows whose decision is their class."""
        return targets == self.decide(outputs)

    def agreement(self, outputs: np.ndarray, other_outputs: np.ndarray) -> float:
        """The share of rows with the same decision."""
        return float((self.decide(outputs) == self.decide(other_outputs)).mean())

    def sureness(self, outputs: np.ndarray) -> np.ndarray:
        """The probability of the class decided for."""
        return softmax(outputs).max(axis=1)

    def divergence(self, outputs: np.ndarray, other_outputs: np.ndarray) -> float | None:
        """The sum over classes."""
        logs, other_logs = log_softmax(outputs), log_softmax(other_outputs)
        return float((np.exp(logs) * (logs - other_logs)).sum(axis=1).mean())

    def kept(self, expected: np.ndarray, actual: np.ndarray, *, margin: float) -> float:
        """The share of equal decisions, of the rows whose two highest probabilities lie more than `margin` apart."""
        second_highest, highest = np.sort(softmax(expected), axis=1)[:, -2:].T
        is_sure = highest - second_highest > margin
        return float((self.decide(expected) == self.decide(actual))[is_sure].mean()) if is_sure.any() else 1.0


def softmax(logits: np.ndarray) -> np.ndarray:
    """The softmax over the last axis, in float64."""
    # Without the largest logit taken off, the exponential of a large one would overflow; the ratio is the same.
    exponentials = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """The logarithm of the softmax over the last axis, in float64."""
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def _states(targets: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    return np.stack([targets, outputs.argmax(axis=1)], axis=1)


def _hits_true_called(states: np.ndarray, classes: int) -> np.ndarray:
    """For each row, 1 in the columns of the class it hits, of its true class and of the class it is called."""
    true_classes, called_classes = states.T.astype(np.int64)
    rows, is_hit = np.arange(len(states)), true_classes == called_classes
    columns = np.zeros((len(states), 3 * classes), dtype=np.int64)  # whose pages a system gives when they are written
    columns[rows[is_hit], true_classes[is_hit]] = 1
    columns[rows, classes + true_classes] = 1
    columns[rows, 2 * classes + called_classes] = 1
    return columns


def _sums(value: Any) -> Sums:
    return Sums(states=_states, statistics=_hits_true_called, value=value)


ACCURACY = Sums(
    states=_states,
    statistics=lambda states, classes: np.stack([states[:, 0] == states[:, 1], np.ones(len(states))], axis=1),
    value=lambda sums: sums[..., 0] / sums[..., 1],
)
METRICS = (
    Metric(name="macro_f1", title="macro-F1", sums=_sums(macro_f1), interval=True),
    Metric(name="accuracy", title="accuracy", sums=ACCURACY),
    Metric(name="weighted_f1", title="weighted-F1", sums=_sums(weighted_f1)),
    Metric(name="micro_f1", title="micro-F1", sums=_sums(micro_f1)),
)
