"""What every runtime is: a loaded model file that turns named arrays into logits, and how it is run over many rows."""

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np

from training.text_encoder import TextEncoder
from training.token_rows import TokenRows

Forward = Callable[[Mapping[str, np.ndarray]], np.ndarray]


class Runtime(Protocol):
    """A loaded model. `threads` is what the runtime itself says it uses, not what it was asked for."""

    input_names: tuple[str, ...]
    threads: int

    def __call__(self, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
        """Logits, float32 of shape (batch, labels), for the graph's inputs by name."""
        ...


def logits_of(
    forward: Forward,
    encoder: TextEncoder,
    rows: TokenRows,
    *,
    batch_size: int = 32,
    report: Callable[[int, int], None] | None = None,
) -> np.ndarray:
    """Logits (rows, labels) in the order of the encoded rows, computed in batches of about equal length.

    Raises ValueError when the model does not return one row of logits for each row.
    """
    order: list[np.ndarray] = []
    outputs: list[np.ndarray] = []
    for batch, arrays in encoder.batches(rows, batch_size):
        logits = forward(arrays)
        if logits.ndim != 2 or len(logits) != len(batch):
            raise ValueError(f"logits of shape {logits.shape} for {len(batch)} rows")
        order.append(batch)
        outputs.append(logits)
        if report:
            report(sum(map(len, order)), len(rows))
    return np.concatenate(outputs)[np.argsort(np.concatenate(order))]
