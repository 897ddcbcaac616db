"""What a model computes for rows: its logits, features that were asked for by name, and how far they are trusted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from materials.tasks.single_label import softmax

ROWS_TO_TRUST = 20
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


def outputs_of(module_output: Any) -> Outputs:
    """A module's return value as outputs: a plain tensor is logits without features."""
    return module_output if isinstance(module_output, Outputs) else Outputs(logits=module_output)


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
