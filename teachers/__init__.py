"""The slow, good models, and the store of what they know. To add a kind is one file and one line here."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from materials.tasks import TASKS
from teachers.image_body import load_image_body, save_image_body, start_image_body
from teachers.image_classifier import (
    load_image_classifier,
    open_image_classifier,
    save_image_classifier,
    start_image_classifier,
)
from teachers.transformer import load_transformer, open_transformer, save_transformer, start_transformer
from teachers.zero_shot import save_zero_shot
from teachers.zero_shot_embedding import answer_by_embedding, load_embedding
from teachers.zero_shot_nli import answer_by_entailment, load_entailment
from training.classifier import Classifier


def _does_not(*_: object, **__: object) -> Classifier:
    raise TypeError("this kind of teacher is not trained")


def _does_not_store(classifier: Classifier, folder: Path) -> None:
    raise TypeError("this kind of teacher is not stored")


@dataclass(frozen=True, kw_only=True)
class TeacherKind:
    """How a kind of teacher begins from pretrained weights, and how a trained one is written and read.

    `start` makes what is then fine-tuned, and `open` takes anybody's fine-tuned weights as they are. `answer` makes a
    teacher that is neither: it answers for class names that it was never trained for. One that
    `is_given` is no model but a file of answers. One that `has_own_head` takes the
    recipe's `head` at its start. `modalities` are the kinds of
    items that it reads, `tasks` what it can be asked.
    """

    start: Callable[..., Classifier] = _does_not
    open: Callable[..., Classifier] = _does_not
    answer: Callable[..., Classifier] | None = None
    is_given: bool = False
    has_own_head: bool = False
    save: Callable[[Classifier, Path], None] = _does_not_store
    load: Callable[[Path], Classifier] = _does_not
    modalities: tuple[str, ...]
    tasks: tuple[str, ...] = tuple(TASKS)

    @property
    def is_trained(self) -> bool:
        """Whether it is fine-tuned on labels, or was."""
        return self.answer is None and not self.is_given

    @property
    def is_zero_shot(self) -> bool:
        """Whether it answers without being trained, so that no label is needed."""
        return self.answer is not None


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
    "image-body": TeacherKind(
        start=start_image_body,
        save=save_image_body,
        load=load_image_body,
        has_own_head=True,
        modalities=("image",),
    ),
    "zero-shot-nli": TeacherKind(
        answer=answer_by_entailment,
        save=save_zero_shot,
        load=load_entailment,
        modalities=("text",),
        tasks=("single-label", "multi-label"),
    ),
    "zero-shot-embedding": TeacherKind(
        answer=answer_by_embedding,
        save=save_zero_shot,
        load=load_embedding,
        modalities=("text",),
        tasks=("single-label",),
    ),
    "outputs": TeacherKind(is_given=True, modalities=("text", "pair"), tasks=("single-label", "multi-label")),
}
