"""Rows of token numbers of different lengths, held as two flat arrays, or three where tokens have types."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np


@dataclass(frozen=True, eq=False)
class TokenRows:
    """Row r is `tokens[bounds[r] : bounds[r + 1]]`; both arrays are int64, `bounds` of shape (rows + 1,).

    `types`, of the same shape as `tokens`, says which text of a pair a token is of, 0 or 1; none for single texts.
    """

    tokens: np.ndarray
    bounds: np.ndarray
    types: np.ndarray | None = None

    @classmethod
    def of(cls, rows: Sequence[Sequence[int]], types: Sequence[Sequence[int]] | None = None) -> "TokenRows":
        """The rows of a list of lists, with the types of their tokens if these are given."""
        bounds = np.array([0, *accumulate(map(len, rows))], dtype=np.int64)
        return cls(_flat(rows), bounds, None if types is None else _flat(types))

    @classmethod
    def joined(cls, parts: Sequence["TokenRows"]) -> "TokenRows":
        """The rows of all parts, one part after the other. Expects at least one part, all with types or all without."""
        tokens = np.concatenate([part.tokens for part in parts])
        types = [part.types for part in parts if part.types is not None]
        bounds = _bounds(np.concatenate([part.lengths for part in parts]))
        return cls(tokens, bounds, np.concatenate(types) if types else None)

    @property
    def lengths(self) -> np.ndarray:
        """The number of tokens of each row, int64 (rows,)."""
        return self.bounds[1:] - self.bounds[:-1]

    def __len__(self) -> int:
        return len(self.bounds) - 1

    def __iter__(self) -> Iterator[np.ndarray]:
        for start, end in zip(self.bounds[:-1], self.bounds[1:], strict=True):
            yield self.tokens[start:end]

    def __getitem__(self, rows: slice) -> "TokenRows":
        """The rows of a slice; a view where they lie side by side."""
        start, stop, step = rows.indices(len(self))
        if step != 1:
            return self.take(np.arange(start, stop, step))
        bounds = self.bounds[start : max(start, stop) + 1]
        flat_slice = slice(bounds[0], bounds[-1])
        types = None if self.types is None else self.types[flat_slice]
        # Bounds count from the slice's own first token.
        return TokenRows(self.tokens[flat_slice], bounds - bounds[0], types)

    def take(self, rows: np.ndarray) -> "TokenRows":
        """The rows of these numbers, in this order."""
        return self._heads(self.bounds[rows], self.bounds[rows + 1] - self.bounds[rows])

    def cut(self, longest: int) -> "TokenRows":
        """The first `longest` tokens of each row."""
        if len(self.tokens) <= longest or self.lengths.max() <= longest:
            return self
        return self._heads(self.bounds[:-1], np.minimum(self.lengths, longest))

    def between(self, before: Sequence[int], after: Sequence[int]) -> "TokenRows":
        """The rows, each with these tokens before and after it. Expects rows without types."""
        if not (before or after):
            return self
        bounds = _bounds(self.lengths + len(before) + len(after))
        tokens = np.empty(bounds[-1], dtype=np.int64)
        is_own = np.ones(len(tokens), dtype=bool)
        for places, numbers in ((bounds[:-1], before), (bounds[1:] - len(after), after)):
            for offset, number in enumerate(numbers):
                tokens[places + offset], is_own[places + offset] = number, False
        tokens[is_own] = self.tokens
        return TokenRows(tokens, bounds)

    def without_gaps(self, token: int) -> "TokenRows":
        """The rows, those without tokens replaced by this one token, of type 0."""
        if len(self) == 1 and len(self.tokens):
            return self
        is_empty = self.bounds[1:] == self.bounds[:-1]
        if not is_empty.any():
            return self
        places = self.bounds[:-1][is_empty]  # in the array as it is: np.insert counts places before any insertion
        types = None if self.types is None else np.insert(self.types, places, 0)
        return TokenRows(np.insert(self.tokens, places, token), _bounds(self.lengths + is_empty), types)

    def _heads(self, starts: np.ndarray, lengths: np.ndarray) -> "TokenRows":
        """The `lengths` tokens that follow each of the `starts`."""
        bounds = _bounds(lengths)
        # Place p of the result is place p - bounds[row] of its row, which began at starts[row]. One offset for
        # each row, repeated, makes that a single gather without a loop over the rows.
        places = np.arange(bounds[-1]) + np.repeat(starts - bounds[:-1], lengths)
        return TokenRows(self.tokens[places], bounds, None if self.types is None else self.types[places])


def _flat(rows: Sequence[Sequence[int]]) -> np.ndarray:
    return np.array([number for row in rows for number in row], dtype=np.int64)


def _bounds(lengths: np.ndarray) -> np.ndarray:
    bounds = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=bounds[1:])
    return bounds
