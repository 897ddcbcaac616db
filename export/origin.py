"""What an exporter starts from: plain values. `export.graphs.prepared` makes graphs of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from materials.errors import RequestError, in_one_line, tells_of_memory
from training.classifier import Classifier

OPSET = 20
Reference = Callable[[Mapping[str, np.ndarray]], np.ndarray]


class Unfit(Exception):
    """A setting of an exporter has nothing to do for this model, or cannot hold it."""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """A trained model. `calibration` holds encoded rows that no gate sees.

    `scratch` is a folder for what several formats start from. `failures` holds why torch gives no ONNX graph, once that
    has been tried.
    """

    checkpoint: Path
    classifier: Classifier
    calibration: Any
    scratch: Path
    opset: int = OPSET
    failures: list[Exception] = field(default_factory=list)

    @cached_property
    def reference(self) -> Reference:
        """The trained model in memory, asked once for each input however many files are compared with it."""
        return remembered(self.classifier)


def remembered(classifier: Classifier) -> Reference:
    """The logits of the module in memory, kept for inputs that come again.

    Calling it raises RequestError where the module cannot compute them.
    """
    import torch

    outputs: dict[tuple[str, ...], np.ndarray] = {}

    def forward(arrays: Mapping[str, np.ndarray]) -> np.ndarray:
        key = tuple(f"{array.shape} {sha256(array.tobytes()).hexdigest()}" for array in arrays.values())
        if key not in outputs:
            tensors = [torch.from_numpy(array) for array in arrays.values()]
            try:
                with torch.inference_mode():
                    outputs[key] = classifier.module(*tensors).numpy()
            except Exception as error:  # somebody else's code may raise anything
                if tells_of_memory(str(error)):
                    raise
                shapes = " and ".join(str(tuple(array.shape)) for array in arrays.values())
                raise RequestError(
                    f"the model ({classifier.architecture}) cannot be run on inputs of shape {shapes}: "
                    f"{in_one_line(error)}"
                ) from error
        return outputs[key]

    return forward
