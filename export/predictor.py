"""Texts or image files in, labels and probabilities out, from nothing but a bundle."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from export.bundle import Bundle, read_bundle
from export.runtimes import RUNTIMES
from export.runtimes.runtime import Runtime, logits_of
from materials.errors import RequestError


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """The label that a model puts first, and the probability of every label by name."""

    label: str
    probability: float
    probabilities: dict[str, float]


class Predictor:
    """A loaded bundle. Imports torch only if the bundle's runtime needs it."""

    def __init__(self, folder: Path, *, threads: int = 1) -> None:
        self.bundle = read_bundle(folder)
        if self.bundle.runtime not in RUNTIMES:
            raise RequestError(f"{folder} was made by {self.bundle.runtime}; only `measure` and its own library run it")
        self.encoder = self.bundle.encoder()
        self.runtime = _load(self.bundle, threads)

    def predict(self, items: Sequence[Any]) -> list[Prediction]:
        """The prediction for each text or image file, as the bundle's modality says.

        Raises RequestError for a file that holds no image.
        """
        if not items:
            return []
        return [self._prediction(row) for row in probabilities_of(self.logits(items))]

    def logits(self, items: Sequence[Any]) -> np.ndarray:
        """Logits, float32 (items, labels)."""
        return logits_of(self.runtime, self.encoder, self.encoder.encode(items))

    def _prediction(self, probabilities: np.ndarray) -> Prediction:
        first = int(probabilities.argmax())
        by_name = dict(zip(self.bundle.label_names, probabilities.tolist(), strict=True))
        return Prediction(
            label=self.bundle.label_names[first], probability=float(probabilities[first]), probabilities=by_name
        )


def _load(bundle: Bundle, threads: int) -> Runtime:
    """The bundle's model in its runtime. Raises RequestError for a file that this cannot load."""
    try:
        return RUNTIMES[bundle.runtime](bundle, threads)
    except RequestError:
        raise
    except Exception as error:  # a runtime may raise anything for a file that it cannot load
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise RequestError(f"{bundle.model_path} cannot be loaded by {bundle.runtime}: {reason}") from error


def probabilities_of(logits: np.ndarray) -> np.ndarray:
    """The softmax over the last axis, in float64."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)
