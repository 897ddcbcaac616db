"""Any number of labels for each item: every output is a decision of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np

from materials.errors import RequestError
from materials.tasks.metrics import Metric, Sums, macro_f1, micro_f1, weighted_average_precision
from materials.tasks.task import RawLabel, Task, are_list, as_name, in_name_order, refuse_alike, written_list

NO_LABEL = -1


@dataclass(frozen=True, kw_only=True)
class MultiLabel(Task):
    """Targets are 0 or 1, int64 (rows, labels), -1 in a row without labels; outputs are logits, one for each label.

    `thresholds` is the probability from which a label is given: one for all labels, or one for each.
    """

    thresholds: float | tuple[float, ...] = 0.5

    name: ClassVar[str] = "multi-label"
    noun: ClassVar[str] = "label"
    may_be_empty: ClassVar[bool] = True
    most_rows_needed: ClassVar[int] = 1

    def __post_init__(self) -> None:
        """Accept a list from JSON. Raises RequestError for a threshold that is no probability."""
        thresholds = self.thresholds if isinstance(self.thresholds, float) else tuple(self.thresholds)
        object.__setattr__(self, "thresholds", thresholds)
        if not np.all((np.array(thresholds) > 0) & (np.array(thresholds) < 1)):
            raise RequestError(f"thresholds lie between 0 and 1; got {self.thresholds}")

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Macro-F1, average precision, micro-F1, and the share of rows with exactly their labels."""
        states = partial(_states, self)
        return (
            Metric(
                name="macro_f1",
                title="macro-F1",
                sums=Sums(states=states, statistics=_f1, value=macro_f1),
                interval=True,
            ),
            Metric(
                name="average_precision",
                title="average precision",
                weighted=weighted_average_precision,
                interval=True,
            ),
            Metric(name="micro_f1", title="micro-F1", sums=Sums(states=states, statistics=_f1, value=micro_f1)),
            Metric(
                name="accuracy",
                title="exact match",
                sums=Sums(states=states, statistics=_exact, value=lambda sums: sums[..., 0] / sums[..., 1]),
            ),
        )

    def read_labels(self, cells: Sequence[Any], *, separator: str | None, where: str) -> list[RawLabel]:
        """Tuples of label names, each name once; a list may be empty."""
        labels = []
        for row, given_cell in enumerate(cells, 1):
            spelled_list = written_list(given_cell)
            cell = given_cell if spelled_list is None else spelled_list
            if are_list(cell):
                names = [_name(label, row, where) for label in cell]
            elif separator is not None:
                names = [name.strip() for name in as_name(cell).split(separator)]
            else:
                raise RequestError(
                    f"{where} holds '{cell}' in row {row}, which is no list; name what stands between labels with "
                    "--separator ';', or for a run with --set data.separator=';'"
                )
            labels.append(tuple(dict.fromkeys(name for name in names if name)))
        return labels

    def label_names(self, labels: Sequence[RawLabel]) -> tuple[str, ...]:
        """All labels that occur, sorted; numbers by their value."""
        names = {name for row in labels for name in row}
        refuse_alike(names)
        if not names:
            raise RequestError("no row of the data has a label")
        if are_list(self.thresholds) and len(self.thresholds) != len(names):  # type: ignore[arg-type]
            raise RequestError(f"thresholds are {self.thresholds}, but the data has {len(names)} labels; give one each")
        return in_name_order(names)

    def targets(self, labels: Sequence[RawLabel | None], label_names: Sequence[str]) -> np.ndarray:
        """Int64 (rows, labels)."""
        numbers = {name: number for number, name in enumerate(label_names)}
        targets = np.zeros((len(labels), len(numbers)), dtype=np.int64)
        for row, names in enumerate(labels):
            if names is None:
                targets[row] = NO_LABEL
            else:
                targets[row, [numbers[name] for name in names]] = 1
        return targets

    def has_target(self, targets: np.ndarray) -> np.ndarray:
        """Which rows have labels, be it none of them."""
        return np.all(targets >= 0, axis=1)

    def labels_of(self, targets: np.ndarray, label_names: Sequence[str]) -> list[RawLabel | None]:
        """Tuples of label names."""
        has_labels = self.has_target(targets)
        return [
            tuple(label_names[number] for number in np.flatnonzero(row == 1).tolist()) if has_label else None
            for row, has_label in zip(targets, has_labels, strict=True)
        ]

    def decide(self, outputs: np.ndarray) -> np.ndarray:
        """1 for each label whose probability reaches its threshold."""
        return (self.probabilities(outputs) >= np.array(self.thresholds)).astype(np.int64)

    def probabilities(self, outputs: np.ndarray) -> np.ndarray:
        """The logistic function of the logits."""
        # Beyond 500 the result is 0 or 1 in any case, and the exponential would overflow.
        return 1 / (1 + np.exp(-np.clip(outputs.astype(np.float64), -500, 500)))

    def strata(self, targets: np.ndarray) -> np.ndarray:
        """The rarest label of each row, so that a rare label is in every part; one more number for no label."""
        # Labels that a row does not have count as more frequent than any, so that the minimum is never one of them.
        counts = np.where(targets == 1, targets.sum(axis=0), len(targets) + 1)
        return np.where((targets == 1).any(axis=1), counts.argmin(axis=1), targets.shape[1])

    def rows_per_name(self, targets: np.ndarray, names: int) -> np.ndarray | None:
        """The rows that have each label."""
        return (targets == 1).sum(axis=0)

    def counts_per_name(self, targets: np.ndarray, outputs: np.ndarray) -> np.ndarray | None:
        """Hits, true rows and called rows of each label."""
        called = self.decide(outputs)
        return np.stack([(targets * called).sum(axis=0), targets.sum(axis=0), called.sum(axis=0)])

    def right(self, targets: np.ndarray, outputs: np.ndarray) -> np.ndarray | None:
        """Rows that get exactly their labels."""
        return (targets == self.decide(outputs)).all(axis=1)

    def agreement(self, outputs: np.ndarray, other_outputs: np.ndarray) -> float:
        """The share of equal decisions, of all rows and labels."""
        return float((self.decide(outputs) == self.decide(other_outputs)).mean())

    def sureness(self, outputs: np.ndarray) -> np.ndarray:
        """The least probability of what is decided for a label, that it is there or that it is not."""
        yes = self.probabilities(outputs)
        return np.where(self.decide(outputs) == 1, yes, 1 - yes).min(axis=1)

    def divergence(self, outputs: np.ndarray, other_outputs: np.ndarray) -> float | None:
        """The sum over labels, each of which is there or not."""
        # ln(1 + e^-x) is what the logarithm of the logistic function is less than 0, without its overflow.
        yes, other_yes = (-np.logaddexp(0, -values.astype(np.float64)) for values in (outputs, other_outputs))
        no, other_no = (-np.logaddexp(0, values.astype(np.float64)) for values in (outputs, other_outputs))
        return float((np.exp(yes) * (yes - other_yes) + np.exp(no) * (no - other_no)).sum(axis=1).mean())

    def kept(self, expected: np.ndarray, actual: np.ndarray, *, margin: float) -> float:
        """The share of equal decisions, of those whose probability lies more than half of `margin` off its threshold.

        Between two classes, probabilities `margin` apart lie half of it off 0.5.
        """
        is_sure = np.abs(self.probabilities(expected) - np.array(self.thresholds)) > margin / 2
        return float((self.decide(expected) == self.decide(actual))[is_sure].mean()) if is_sure.any() else 1.0


def _name(label: Any, row: int, where: str) -> str:
    """A label in a list. Raises RequestError for a hole, and for a list or a mapping in its place."""
    if label is None or are_list(label) or isinstance(label, dict) or label != label:
        raise RequestError(f"{where} holds the list label {label!r} in row {row}; expected a text or a number")
    return as_name(label).strip()


def _states(task: MultiLabel, targets: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """The targets and then the decisions of all labels, (rows, 2 * labels)."""
    return np.concatenate([targets, task.decide(outputs)], axis=1)


def _f1(states: np.ndarray, labels: int) -> np.ndarray:
    is_true, is_called = states[:, :labels], states[:, labels:]
    return np.concatenate([is_true * is_called, is_true, is_called], axis=1)


def _exact(states: np.ndarray, labels: int) -> np.ndarray:
    return np.stack([(states[:, :labels] == states[:, labels:]).all(axis=1), np.ones(len(states))], axis=1)
