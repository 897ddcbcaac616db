"""Texts or image files in, labels and probabilities out, from nothing but a bundle."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from export.bundle import Bundle, read_bundle
from export.runtimes import RUNTIMES
from export.runtimes.runtime import Runtime, logits_of
from materials.errors import RequestError, in_one_line


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What a model says of one item, and the probability of every label by name; a number has no probability.

    `label` is the class that it puts first, its labels with commas between them, or the number. `probability` is that
    of the class, the least of the labels given, or none. One that `is_unsure` is for the teacher to answer.
    """

    label: str
    probability: float | None
    probabilities: dict[str, float]
    is_unsure: bool = False


class Predictor:
    """A loaded bundle. Imports torch only if the bundle's runtime needs it.

    Raises RequestError as `read_bundle` does: one that is code of another machine needs `allow_code`.
    """

    def __init__(self, folder: Path, *, threads: int = 1, allow_code: bool = False) -> None:
        self.bundle = read_bundle(folder, allow_code=allow_code)
        if self.bundle.runtime not in RUNTIMES:
            raise RequestError(f"{folder} was made by {self.bundle.runtime}; only `measure` and its own library run it")
        self.encoder = self.bundle.encoder()
        self.runtime = _load(self.bundle, threads)

    def predict(self, items: Sequence[Any]) -> list[Prediction]:
        """The prediction for each text, pair of texts or image file, as the bundle's modality says.

        Raises RequestError for a file that holds no image.
        """
        if not items:
            return []
        outputs = self.logits(items)
        task, names = self.bundle.task, self.bundle.label_names
        if outputs.shape[1] != len(names):
            raise RequestError(
                f"{self.bundle.model_path} gives {outputs.shape[1]} outputs, and its bundle names {len(names)} labels"
            )
        labels = task.labels_of(np.asarray(task.decide(outputs)), names)
        predictions = [
            _prediction(label, row, names) for label, row in zip(labels, task.probabilities(outputs), strict=True)
        ]
        if self.bundle.sure_from is None:
            return predictions
        unsure = task.sureness(outputs) < self.bundle.sure_from
        return [replace(one, is_unsure=flag) for one, flag in zip(predictions, unsure.tolist(), strict=True)]

    def logits(self, items: Sequence[Any]) -> np.ndarray:
        """The model's outputs, float32 (items, outputs). Raises RequestError for a file that cannot compute them."""
        encoded = self.encoder.encode(items)
        try:
            return logits_of(self.runtime, self.encoder, encoded)
        except Exception as error:  # a runtime may raise anything for a graph that does not fit its inputs
            model, runtime = self.bundle.model_path, self.bundle.runtime
            raise RequestError(f"{model} cannot be run by {runtime}: {in_one_line(error)}") from error


def _prediction(label: Any, probabilities: np.ndarray, names: Sequence[str]) -> Prediction:
    """The prediction for a class name, a tuple of label names, or a number, none where the output is none."""
    if label is None or isinstance(label, float):
        return Prediction(label="nan" if label is None else f"{label:.6g}", probability=None, probabilities={})
    by_name = dict(zip(names, probabilities.tolist(), strict=True))
    label_names = (label,) if isinstance(label, str) else label
    least = min((by_name[name] for name in label_names), default=None)
    return Prediction(label=",".join(label_names), probability=least, probabilities=by_name)


def _load(bundle: Bundle, threads: int) -> Runtime:
    """The bundle's model in its runtime. Raises RequestError for a file that this cannot load."""
    try:
        return RUNTIMES[bundle.runtime](bundle, threads)
    except RequestError:
        raise
    except Exception as error:  # a runtime may raise anything for a file that it cannot load
        raise RequestError(f"{bundle.model_path} cannot be loaded by {bundle.runtime}: {in_one_line(error)}") from error
