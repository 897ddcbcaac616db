"""What an exporter starts from: plain values. `export.graphs.prepared` makes graphs of them."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from training.classifier import Classifier

OPSET = 20


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
