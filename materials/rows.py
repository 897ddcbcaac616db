"""What a data set is once it has been read: items with labels, and later the splits of one seed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from materials.modalities import MODALITIES, Item, Modality
from materials.tasks.single_label import SingleLabel
from materials.tasks.task import RawLabel, Task

# rows of a transfer source, labelled rows that a balance left over, and rows made of train rows
TRANSFER_KINDS = ("other", "rest", "augmented")


@dataclass(frozen=True, kw_only=True)
class Table:
    """Items as they were read, each with its label, or none when the source has no labels.

    `modality` names what the items are. `dropped` rows had no item or no label and were left out. `notes` are sentences
    on what else was left out or changed; they are no part of what two tables are compared by.
    """

    items: list[Item]
    labels: list[RawLabel] | None
    modality: str = "text"
    dropped: int = 0
    notes: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, kw_only=True)
class Source:
    """A data set as its owner gives it; validation and test are none where it has no official ones."""

    train: Table
    validation: Table | None = None
    test: Table | None = None

    def rows_for(self, part: str) -> Table:
        """The rows that serve as validation or test of another source: the official rows of that part, else all."""
        return {"validation": self.validation, "test": self.test}[part] or self.train


@dataclass(frozen=True, kw_only=True)
class Size:
    """What is known of a data set before it is fetched, about: its rows, apart from those for testing, and its labels.

    `words` is the mean number of words of a text, 0 for images.
    """

    rows: int
    test_rows: int = 0
    labels: int = 0
    words: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Items with their targets, whose form is the task's: see `materials.tasks`."""

    items: list[Item]
    targets: np.ndarray
    modality: str = "text"

    def __len__(self) -> int:
        return len(self.items)

    def take(self, numbers: Sequence[int] | np.ndarray) -> "Rows":
        """The rows of these numbers, in this order."""
        row_numbers = np.asarray(numbers, dtype=np.int64)
        items = [self.items[number] for number in row_numbers.tolist()]
        return Rows(items=items, targets=self.targets[row_numbers], modality=self.modality)

    @property
    def kind(self) -> Modality:
        """The modality of the items."""
        return MODALITIES[self.modality]

    @property
    def digest(self) -> str:
        """The digest of the items, without their targets."""
        return self.kind.digest(self.items)


@dataclass(frozen=True, kw_only=True)
class Splits:
    """The rows of one seed; `label_names[i]` names output i of a model, and transfer rows carry no labels.

    `transfer_kinds` says for each transfer row what it is: one of TRANSFER_KINDS.
    `mask_token` is the teacher's token for a masked word in transfer rows; none where no word was masked.
    `near_duplicates_dropped` is how many rows were taken from a part as near-duplicates of test rows, by its name.
    """

    train: Rows
    validation: Rows
    test: Rows
    transfer: Rows
    label_names: tuple[str, ...]
    task: Task = field(default_factory=SingleLabel)
    transfer_kinds: tuple[str, ...] = ()
    mask_token: str | None = None
    near_duplicates_dropped: Mapping[str, int] = field(default_factory=dict)

    @property
    def modality(self) -> str:
        """The modality of the items, the same in all parts."""
        return self.train.modality

    def chosen_transfer(self, kinds: bool | Sequence[str]) -> np.ndarray:
        """The numbers of the transfer rows of these kinds, int64: all for true, none for false."""
        if isinstance(kinds, bool):
            return np.arange(len(self.transfer) if kinds else 0)
        return np.flatnonzero(np.isin(np.array(self.transfer_kinds, dtype=str), list(kinds)))
