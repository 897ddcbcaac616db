"""What every runtime is: a loaded model file that turns named arrays into logits, and how it is run over many rows."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from encoders.encoder import Encoder

Forward = Callable[[Mapping[str, np.ndarray]], np.ndarray]


@dataclass(frozen=True, kw_only=True)
class RuntimeSettings:
    """What a runtime says that it uses, not what it was asked for; none where it has no such setting.

    `spinning`: whether its idle threads wait busily. `provider` is what computes, in the runtime's own word.
    """

    intra_op_threads: int
    inter_op_threads: int | None
    spinning: bool | None
    provider: str


class Runtime(ABC):
    """A loaded model. A call is `prepare` (to where the model reads), `forward` (the model alone), `fetch` (back)."""

    input_names: tuple[str, ...]
    settings: RuntimeSettings
    label_names: tuple[str, ...] | None = None  # what the file itself calls its outputs, where it does

    def __call__(self, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
        """Logits, float32 of shape (batch, labels), for the graph's inputs by name."""
        return self.fetch(self.forward(self.prepare(arrays)))

    @abstractmethod
    def prepare(self, arrays: Mapping[str, np.ndarray]) -> Any:
        """The inputs as the runtime takes them, on its device."""

    @abstractmethod
    def forward(self, prepared: Any) -> Any:
        """The model's output as the runtime gives it; on a GPU, it may still be computing when this returns."""

    @abstractmethod
    def fetch(self, output: Any) -> np.ndarray:
        """The output as a float32 array in the memory of the host."""


def logits_of(
    forward: Forward,
    encoder: Encoder,
    rows: Any,
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
    if len(rows) == 1:
        return outputs[0]
    # Batches come in order of length; argsort of their row numbers is the inverse permutation.
    return np.concatenate(outputs)[np.argsort(np.concatenate(order))]
