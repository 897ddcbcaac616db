"""What every peer is: a library that learns from labelled rows, fills a folder, and classifies from that folder."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from materials.modalities import Item
from materials.rows import Rows
from materials.tasks.single_label import SingleLabel

Classify = Callable[[Sequence[Any]], np.ndarray]
"""Probabilities, float32 (items, labels), of at least one text or pair; columns in the order of the label names."""

Model = TypeVar("Model")


@dataclass(frozen=True, kw_only=True)
class PeerData:
    """What a peer may learn from; `weights` is the folder of a pretrained body, for a peer that starts from one.

    Validation rows choose settings or end the training, as they do for students; there may be none.
    """

    train: Rows
    validation: Rows
    label_names: tuple[str, ...]
    weights: Path
    seed: int
    threads: int


@dataclass(frozen=True, kw_only=True)
class LoadedPeer:
    """A peer in memory, called with texts for probabilities; `threads` is what its library uses.

    `find_labels` gives label numbers, int64 (texts,), by the library's own shortest way; without one they are the
    argmax of the probabilities.
    """

    classify: Classify
    threads: int
    find_labels: Callable[[Sequence[str]], np.ndarray] | None = None

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        """Probabilities, float32 (texts, labels)."""
        return self.classify(texts)

    def label(self, texts: Sequence[str]) -> np.ndarray:
        """Label numbers, int64 (texts,)."""
        return self.find_labels(texts) if self.find_labels else self.classify(texts).argmax(axis=1)


@dataclass(frozen=True, kw_only=True)
class Peer:
    """How a peer is trained into an empty folder, and loaded from it to run with a number of threads.

    `packages` are the distributions that must be installed; the licence is the library's. `tasks` and `modalities` are
    what it can be asked, and for what. One that `needs_body` starts from the teacher's pretrained weights.
    """

    description: str
    licence: str
    packages: tuple[str, ...]
    train: Callable[[PeerData, Path], None]
    load: Callable[[Path, int], LoadedPeer]
    tasks: tuple[str, ...] = ("single-label",)
    modalities: tuple[str, ...] = ("text", "pair")
    needs_body: bool = False

    @property
    def missing_packages(self) -> list[str]:
        """The packages that are not installed."""
        return [package for package in self.packages if not _is_installed(package)]


def encodable(items: Sequence[Item]) -> list[str]:
    """Texts as a library of single texts can read them.

    The texts of a pair become one, and a lone surrogate, which UTF-8 cannot hold, a question mark.
    """
    texts = [item if isinstance(item, str) else " ".join(item) for item in items]
    return [text if text.isascii() else text.encode(errors="replace").decode() for text in texts]


def in_label_order(probabilities: np.ndarray, classes: Sequence[int], label_count: int) -> np.ndarray:
    """Probabilities (texts, classes) of the classes that a library saw, as float32 (texts, labels) with sums of 1.

    A label without a train row gets 0. scikit-learn gives two columns even for one class; the last is that class's.
    """
    label_probabilities = np.zeros((len(probabilities), label_count), dtype=np.float32)
    label_probabilities[:, classes] = probabilities[:, -len(classes) :]
    return label_probabilities / label_probabilities.sum(axis=1, keepdims=True)


def best_on_validation(
    models: Iterable[Model], predict: Callable[[Model, Sequence[str]], np.ndarray], validation: Rows
) -> Model:
    """The first model with the highest macro-F1 on validation rows; without rows, the first, and no other is made.

    `predict` gives the probabilities (texts, labels) of a model.
    """

    def headline(model: Model) -> float:
        return SingleLabel().headline(validation.targets, predict(model, validation.items))

    return max(models, key=headline) if len(validation) else next(iter(models))


def _is_installed(package: str) -> bool:
    try:
        distribution(package)
    except PackageNotFoundError:
        return False
    return True
