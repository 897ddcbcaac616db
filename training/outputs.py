"""What a model computes for rows: its logits, features that were asked for by name, and how far they are trusted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from materials.tasks.single_label import softmax

if TYPE_CHECKING:
    from torch import Tensor

ROWS_TO_TRUST = 20
MASK = "mask"
SMALLEST_PROBABILITY = 1e-6


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """Tensors while training and arrays once stored, all with the rows first; logits have shape (rows, outputs).

    Features of tokens are tensors (rows, length, width), with a `mask` of the places that hold one, and `TokenStates`
    once stored.
    """

    logits: Any
    features: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.logits)

    def take(self, rows: np.ndarray) -> "Outputs":
        """The outputs of the rows of these numbers."""
        return Outputs(
            logits=self.logits[rows], features={name: values[rows] for name, values in self.features.items()}
        )


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


def outputs_of(module_output: Any) -> Outputs:
    """A module's return value as outputs: a plain tensor is logits without features."""
    return module_output if isinstance(module_output, Outputs) else Outputs(logits=module_output)


def on_device(outputs: Outputs, device: str) -> Outputs:
    """Arrays as tensors on a device, features in float32; those of tokens padded, with their mask."""
    import torch

    arrays: dict[str, np.ndarray] = {}
    for name, values in outputs.features.items():
        arrays[name] = values.padded() if isinstance(values, TokenStates) else values
        if isinstance(values, TokenStates):
            arrays[MASK] = values.mask()
    tensors = {name: torch.from_numpy(values).to(device) for name, values in arrays.items()}
    features = {name: tensor if name == MASK else tensor.float() for name, tensor in tensors.items()}
    return Outputs(logits=torch.from_numpy(outputs.logits).to(device), features=features)


def shrunk_to_labels(outputs: Outputs, targets: np.ndarray, rows_per_class: np.ndarray) -> Outputs:
    """Outputs for rows of one class each, whose labelled rows are mixed with their labels.

    The teacher's softmax outputs for a row of a class with n train rows weigh n / (n + 20) and its label the rest: a
    teacher that has seen a class a few times spreads its rows over the others, and students lose the class by it.
    Targets are class numbers (rows,), -1 for a row without a label, which stays as it is.
    """
    logits = np.array(outputs.logits, dtype=np.float32)
    labelled = np.flatnonzero(targets >= 0)
    classes = targets[labelled]
    weights = (rows_per_class / (rows_per_class + ROWS_TO_TRUST))[classes][:, None]
    mixed = weights * softmax(logits[labelled])
    mixed[np.arange(len(labelled)), classes] += 1 - weights[:, 0]
    logits[labelled] = np.log(np.maximum(mixed, SMALLEST_PROBABILITY))
    return Outputs(logits=logits, features=outputs.features)
