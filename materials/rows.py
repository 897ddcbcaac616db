"""What a data set is once it has been read: texts with label names, and later the splits of one seed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# rows of a transfer source, labelled rows that a balance left over, and rows made of train rows
TRANSFER_KINDS = ("other", "rest", "augmented")


@dataclass(frozen=True, kw_only=True)
class Table:
    """Texts as they were read, each with the name of its label, or none when the source has no labels.

    `dropped` rows had no text or no label and were left out.
    """

    texts: list[str]
    labels: list[str] | None
    dropped: int = 0


@dataclass(frozen=True, kw_only=True)
class Source:
    """A data set as its owner gives it; validation and test are none where it has no official ones."""

    train: Table
    validation: Table | None = None
    test: Table | None = None

    def rows_for(self, part: str) -> Table:
        """What the source gives for validation or test of another: its own official rows of that part, else all."""
        return {"validation": self.validation, "test": self.test}[part] or self.train


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Texts with label numbers, int64 of shape (rows,); -1 where a row has no label."""

    texts: list[str]
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True, kw_only=True)
class Splits:
    """The rows of one seed; `label_names[i]` is the name of label i, and transfer rows carry no labels.

    `transfer_kinds` says for each transfer row what it is: one of TRANSFER_KINDS.
    `mask_token` stands in transfer rows where a word was masked, as their teacher knows it; none where none was.
    """

    train: Rows
    validation: Rows
    test: Rows
    transfer: Rows
    label_names: tuple[str, ...]
    transfer_kinds: tuple[str, ...] = ()
    mask_token: str | None = None

    def chosen_transfer(self, wanted: bool | Sequence[str]) -> np.ndarray:
        """The numbers of the transfer rows of the kinds wanted, int64: all for true, none for false."""
        if isinstance(wanted, bool):
            return np.arange(len(self.transfer) if wanted else 0)
        return np.flatnonzero(np.isin(np.array(self.transfer_kinds, dtype=str), list(wanted)))
