"""The slow, good models, and the store of what they know. To add a kind is one file and one line here."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from teachers.image_classifier import (
    load_image_classifier,
    open_image_classifier,
    save_image_classifier,
    start_image_classifier,
)
from teachers.transformer import load_transformer, open_transformer, save_transformer, start_transformer
from training.classifier import Classifier


@dataclass(frozen=True, kw_only=True)
class TeacherKind:
    """How a kind of teacher begins from pretrained weights, and how a trained one is written and read.

    `open` takes anybody's fine-tuned weights as they are. `modalities` are the kinds of items that it reads.
    """

    start: Callable[..., Classifier]
    open: Callable[..., Classifier]
    save: Callable[[Classifier, Path], None]
    load: Callable[[Path], Classifier]
    modalities: tuple[str, ...]


TEACHERS: dict[str, TeacherKind] = {
    "transformer": TeacherKind(
        start=start_transformer,
        open=open_transformer,
        save=save_transformer,
        load=load_transformer,
        modalities=("text", "pair"),
    ),
    "image-classifier": TeacherKind(
        start=start_image_classifier,
        open=open_image_classifier,
        save=save_image_classifier,
        load=load_image_classifier,
        modalities=("image",),
    ),
}
