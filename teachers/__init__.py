"""The slow, good classifiers, and the store of their logits. To add a kind is one file and one line here."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from teachers.transformer import load_transformer, save_transformer, start_transformer
from training.classifier import Classifier


@dataclass(frozen=True, kw_only=True)
class Teacher:
    """How a kind of teacher begins from pretrained weights, and how a trained one is written and read."""

    start: Callable[..., Classifier]
    save: Callable[[Classifier, Path], None]
    load: Callable[[Path], Classifier]


TEACHERS: dict[str, Teacher] = {
    "transformer": Teacher(start=start_transformer, save=save_transformer, load=load_transformer)
}
