"""What every task is: how labels become targets, and what a model's outputs mean."""

import ast
import json
import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np

from materials.errors import RequestError
from materials.tasks.metrics import Metric

RawLabel = Any
"""What a row's label is in a file: a class name, a tuple of label names, or a number."""


@dataclass(frozen=True, kw_only=True)
class Task(ABC):
    """The outputs of a model are float arrays (rows, outputs); targets are arrays whose first axis is the rows.

    A row without a label has a target all the same, which `has_target` tells. `kept_bound` names the gate's bound
    on how much of its decisions a lossy file must keep (see `kept`).
    """

    name: ClassVar[str]
    noun: ClassVar[str]
    has_names: ClassVar[bool] = True  # whether outputs are named by the data, and not by the task
    may_be_empty: ClassVar[bool] = False  # whether an empty cell or list is a label too: none of the names
    most_rows_needed: ClassVar[int] = 2  # rows of a name that a stage of splitting may ask for
    kept_bound: ClassVar[str] = "smallest_agreement"
    kept_title: ClassVar[str] = "sure labels kept"
    kept_words: ClassVar[str] = "of the sure decisions are kept"
    agreement_words: ClassVar[str] = "of the labels agree"

    @property
    def settings(self) -> dict[str, Any]:
        """The keyword arguments that make this task again, as plain JSON."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @property
    @abstractmethod
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics of the task, the headline first."""

    @property
    def headline(self) -> Metric:
        """The metric by which epochs are chosen, gaps are counted and files are compared."""
        return self.metrics[0]

    @property
    def epoch_metrics(self) -> tuple[Metric, ...]:
        """The metrics that are computed after each epoch: all of them, but for what costs much and tells little."""
        return self.metrics

    @abstractmethod
    def read_labels(self, cells: Sequence[Any], *, separator: str | None, where: str) -> list[RawLabel]:
        """The labels in the cells of a column that has no empty cell; `where` names it in errors.

        Raises RequestError for a cell that is no label of this task.
        """

    @abstractmethod
    def label_names(self, labels: Sequence[RawLabel]) -> tuple[str, ...]:
        """The names of a model's outputs, in order. Raises RequestError for labels that cannot be learned from."""

    @abstractmethod
    def targets(self, labels: Sequence[RawLabel | None], label_names: Sequence[str]) -> np.ndarray:
        """The targets of labels, none for a row without one. Raises KeyError for a name that is not known."""

    @abstractmethod
    def has_target(self, targets: np.ndarray) -> np.ndarray:
        """Which rows have a label, bool (rows,)."""

    @abstractmethod
    def labels_of(self, targets: np.ndarray, label_names: Sequence[str]) -> list[RawLabel | None]:
        """The labels from which `targets` were made."""

    @abstractmethod
    def decide(self, outputs: np.ndarray) -> np.ndarray:
        """The model's decision for each row, in the form of targets."""

    @abstractmethod
    def probabilities(self, outputs: np.ndarray) -> np.ndarray:
        """Float64 (rows, outputs): probabilities, or the outputs themselves where they are no logits."""

    def strata(self, targets: np.ndarray) -> np.ndarray:
        """A number for each row, int64 (rows,): splits and folds hold the same share of each number."""
        return np.zeros(len(targets), dtype=np.int64)

    def rows_per_name(self, targets: np.ndarray, names: int) -> np.ndarray | None:
        """How many rows have each of the label names, int64 (names,); none where outputs are not names."""
        return None

    def counts_per_name(self, targets: np.ndarray, outputs: np.ndarray) -> np.ndarray | None:
        """The rows of each label name that are hit, that are true, and that are called so, int64 (3, names).

        None where outputs are not names.
        """
        return None

    def right(self, targets: np.ndarray, outputs: np.ndarray) -> np.ndarray | None:
        """Which rows a model gets right, bool (rows,); none where rows are not right or wrong."""
        return None

    @abstractmethod
    def agreement(self, outputs: np.ndarray, other_outputs: np.ndarray) -> float:
        """How far two models agree on the same rows, at most 1."""

    def sureness(self, outputs: np.ndarray) -> np.ndarray:
        """How sure a model is of its decision for each row, (rows,); see the task. Raises TypeError without classes."""
        raise TypeError(f"decisions of the task {self.name} have no probability")

    def decides_alike(self, outputs: np.ndarray, other_outputs: np.ndarray) -> np.ndarray:
        """Which rows two models decide in the same way, bool (rows,)."""
        same = np.equal(self.decide(outputs), self.decide(other_outputs))
        return same.reshape(len(same), -1).all(axis=1)

    def divergence(self, outputs: np.ndarray, other_outputs: np.ndarray) -> float | None:
        """KL(probabilities || other probabilities) in nats, the mean over rows; none where outputs are no logits."""
        return None

    def teaches_alike(self, outputs: np.ndarray, other_outputs: np.ndarray) -> float:
        """How far other outputs can stand for a teacher's as what students learn from, at most 1."""
        return self.agreement(outputs, other_outputs)

    @abstractmethod
    def kept(self, expected: np.ndarray, actual: np.ndarray, *, margin: float) -> float:
        """How far a file keeps the decisions of its original, at most 1.

        Decisions of rows on which the original's margin is at most `margin` do not count.
        """

    def unit_of_outputs(self, outputs: np.ndarray) -> float:
        """What a difference of outputs is measured in: 1 for logits."""
        return 1.0

    def middle(self, targets: np.ndarray) -> float:
        """The best constant output before training, for a model of one output; 0 where outputs are logits."""
        return 0.0

    def scale(self, targets: np.ndarray) -> float:
        """The unit in which a training measures errors, so that targets of any size learn alike."""
        return 1.0

    def unlabelled(self, rows: int, outputs: int) -> np.ndarray:
        """The targets of rows without labels."""
        return self.targets([None] * rows, [str(number) for number in range(outputs)])


def are_list(cell: Any) -> bool:
    """Whether the cell of a table holds a list, as JSON Lines and Parquet may."""
    return isinstance(cell, list | tuple | np.ndarray)


def written_list(cell: Any) -> list[Any] | None:
    """The list that a text spells out, as a table of lists becomes in CSV; none for every other cell."""
    if not isinstance(cell, str) or not (cell.strip().startswith("[") and cell.strip().endswith("]")):
        return None
    for read in (json.loads, ast.literal_eval):
        try:
            content = read(cell.strip())
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(content, list):
            return content
    return None


def as_name(value: object) -> str:
    """A label as text; a whole number that a file format turned into a float, such as 5.0, is the label '5'."""
    return str(int(value)) if isinstance(value, float | np.floating) and float(value).is_integer() else str(value)


def are_measurements(names: Sequence[str]) -> bool:
    """Whether names of labels look like numbers that were measured: all are numbers, and not all are whole ones."""
    try:
        return not all(float(name).is_integer() for name in names)
    except (ValueError, OverflowError):
        return False


def in_name_order(names: set[str]) -> tuple[str, ...]:
    """The names sorted, as numbers where all of them are whole numbers; "05" and "5" by their text."""
    is_numbered = all(name.lstrip("-").isdecimal() and name.count("-") <= name.startswith("-") for name in names)
    return tuple(sorted(names, key=lambda name: (int(name) if is_numbered else 0, name)))


def refuse_alike(names: Iterable[str]) -> None:
    """Raise RequestError for names that differ in white space, invisible characters, capitals, or as 1 and 1.0 do.

    Or in how Unicode writes the same letter: an accent of its own, a letter of full width.
    """
    for other, name in alike(names):
        same_letters = unicodedata.normalize("NFKC", name) == unicodedata.normalize("NFKC", other)
        shown = [ascii(spelling) if same_letters else repr(spelling) for spelling in (other, name)]
        raise RequestError(
            f"the labels {' and '.join(shown)} look alike, and would be two classes; write them in one way"
        )


def alike(names: Iterable[str]) -> list[tuple[str, str]]:
    """The names that look like one before them, each after that one."""
    first_of: dict[str, str] = {}
    pairs = [(first_of.setdefault(_looks(name), name), name) for name in sorted(names)]
    return [(other, name) for other, name in pairs if other != name]


def _looks(name: str) -> str:
    """What is left of a name where nothing counts that is easily overlooked."""
    name = unicodedata.normalize("NFKC", name)
    seen = "".join(letter for letter in name if unicodedata.category(letter) not in ("Cf", "Cc") or letter.isspace())
    return re.sub(r"^([+-]?\d+)\.0+$", r"\1", " ".join(seen.split()).casefold())
