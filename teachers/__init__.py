"""The slow, good models, and the store of what they know. To add a kind is one file and one line here."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from materials.tasks import TASKS

if TYPE_CHECKING:
    from training.classifier import Classifier


def _later(module: str, name: str) -> Callable[..., Any]:
    """A function of a module in this package, imported when it is first called: torch takes seconds to import."""

    def call(*arguments: Any, **named: Any) -> Any:
        return getattr(import_module(f"teachers.{module}"), name)(*arguments, **named)

    return call


def _does_not(*_: object, **__: object) -> "Classifier":
    raise TypeError("this kind of teacher is not trained")


def _does_not_store(classifier: "Classifier", folder: Path) -> None:
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

    start: "Callable[..., Classifier]" = _does_not
    open: "Callable[..., Classifier]" = _does_not
    answer: "Callable[..., Classifier] | None" = None
    is_given: bool = False
    has_own_head: bool = False
    save: "Callable[[Classifier, Path], None]" = _does_not_store
    load: "Callable[[Path], Classifier]" = _does_not
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
        start=_later("transformer", "start_transformer"),
        open=_later("transformer", "open_transformer"),
        save=_later("transformer", "save_transformer"),
        load=_later("transformer", "load_transformer"),
        modalities=("text", "pair"),
    ),
    "image-classifier": TeacherKind(
        start=_later("image_classifier", "start_image_classifier"),
        open=_later("image_classifier", "open_image_classifier"),
        save=_later("image_classifier", "save_image_classifier"),
        load=_later("image_classifier", "load_image_classifier"),
        modalities=("image",),
    ),
    "image-body": TeacherKind(
        start=_later("image_body", "start_image_body"),
        save=_later("image_body", "save_image_body"),
        load=_later("image_body", "load_image_body"),
        has_own_head=True,
        modalities=("image",),
    ),
    "zero-shot-nli": TeacherKind(
        answer=_later("zero_shot_nli", "answer_by_entailment"),
        save=_later("zero_shot", "save_zero_shot"),
        load=_later("zero_shot_nli", "load_entailment"),
        modalities=("text",),
        tasks=("single-label", "multi-label"),
    ),
    "zero-shot-embedding": TeacherKind(
        answer=_later("zero_shot_embedding", "answer_by_embedding"),
        save=_later("zero_shot", "save_zero_shot"),
        load=_later("zero_shot_embedding", "load_embedding"),
        modalities=("text",),
        tasks=("single-label",),
    ),
    "outputs": TeacherKind(is_given=True, modalities=("text", "pair"), tasks=("single-label", "multi-label")),
}
