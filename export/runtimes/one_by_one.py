"""Runs a batch one row at a time, for a model file whose batch is fixed at 1."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from export.runtimes.runtime import Runtime


class OneByOne(Runtime):
    """A runtime whose every call is as many calls of the model as the batch has rows: what such a file costs."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.input_names, self.settings = runtime.input_names, runtime.settings

    def prepare(self, arrays: Mapping[str, np.ndarray]) -> Any:
        """Each row as the runtime takes it."""
        rows = len(next(iter(arrays.values())))
        parts = ({name: array[row : row + 1] for name, array in arrays.items()} for row in range(rows))
        return [self.runtime.prepare(part) for part in parts]

    def forward(self, prepared: Any) -> Any:
        """The output of each row, fetched, as the next call may write to the same memory."""
        return [self.runtime.fetch(self.runtime.forward(row)) for row in prepared]

    def fetch(self, output: Any) -> np.ndarray:
        """Logits, float32 (batch, labels)."""
        return np.concatenate(output)
