"""What a model computes for rows: its logits, and features that were asked for by name."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """Tensors while training and arrays once stored, all with the rows first; logits have shape (rows, outputs)."""

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
