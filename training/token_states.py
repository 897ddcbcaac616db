"""Vectors of the tokens of rows of different lengths, as a teacher's states are stored: nothing is padded."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class TokenStates:
    """Row r is `values[bounds[r] : bounds[r + 1]]`; values (tokens, width), bounds int64 (rows + 1,)."""

    values: np.ndarray
    bounds: np.ndarray

    @classmethod
    def of(cls, rows: Sequence[np.ndarray]) -> "TokenStates":
        """The rows of a list of arrays (tokens, width), at least one."""
        bounds = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
        return cls(np.concatenate(list(rows)), bounds)

    @classmethod
    def joined(cls, parts: Sequence["TokenStates"]) -> "TokenStates":
        """The rows of all parts, one part after the other."""
        return cls.of([row for part in parts for row in part.rows()])

    @property
    def lengths(self) -> np.ndarray:
        """The number of tokens of each row, int64 (rows,)."""
        return self.bounds[1:] - self.bounds[:-1]

    def __len__(self) -> int:
        return len(self.bounds) - 1

    def __getitem__(self, numbers: np.ndarray) -> "TokenStates":
        """The rows of these numbers, in this order; only they are read from a file that is memory-mapped."""
        return TokenStates.of([self.values[self.bounds[number] : self.bounds[number + 1]] for number in numbers])

    def rows(self) -> list[np.ndarray]:
        """Each row's (tokens, width)."""
        return [self.values[start:end] for start, end in zip(self.bounds[:-1], self.bounds[1:], strict=True)]

    def padded(self) -> np.ndarray:
        """(rows, longest row, width), zeros behind the end of a row."""
        filled = np.zeros((len(self), int(self.lengths.max()), self.values.shape[1]), dtype=self.values.dtype)
        for number, row in enumerate(self.rows()):
            filled[number, : len(row)] = row
        return filled

    def mask(self) -> np.ndarray:
        """Which places of `padded` hold a token, bool (rows, longest row)."""
        return np.arange(int(self.lengths.max()))[None, :] < self.lengths[:, None]


def stored(values: "Tensor", lengths: np.ndarray) -> Any:
    """Features in float16: an array, or for (batch, length, width) the states of each row's tokens alone."""
    array = values.half().cpu().numpy()
    if array.ndim == 2:
        return array
    return TokenStates.of([row[:length] for row, length in zip(array, lengths, strict=True)])


def joined(parts: Sequence[Any]) -> Any:
    """Features of all parts, one part after the other."""
    return TokenStates.joined(parts) if isinstance(parts[0], TokenStates) else np.concatenate(parts)
