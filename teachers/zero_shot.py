"""What the teachers have in common that answer for class names which they were never trained for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import load_model, save_model
from torch import nn

from encoders.text_encoder import TextEncoder
from materials.errors import RequestError
from materials.modalities import Item
from materials.tasks import task_of
from materials.tasks.task import Task
from materials.weights import WeightsFolder, check_kernels
from training.classifier import Classifier
from training.model_record import FILE, read_model_record, write_model_record

WEIGHTS = "model.safetensors"
PLACE = "{}"


@dataclass(frozen=True, kw_only=True)
class Question:
    """What such a teacher is asked: the classes, each with its descriptions, in a template that holds one `{}`.

    `temperature` divides the scores; none leaves it to the kind of teacher. `refine` names how it is moved to where
    unlabelled texts lie (see `teachers.refinement`), which `texts` are then for, and `encoder` is the folder of the
    sentence encoder that embeds them, where the teacher itself is none.
    """

    classes: Mapping[str, Sequence[str]]
    template: str
    task: Task
    temperature: float | None = None
    refine: str | None = None
    texts: Sequence[Item] = ()
    encoder: Path | None = None

    @property
    def label_names(self) -> tuple[str, ...]:
        """The class names, in the order of the outputs."""
        return tuple(self.classes)

    @property
    def sentences(self) -> list[str]:
        """The filled template for each description of each class, class by class."""
        return [self.template.replace(PLACE, text) for texts in self.classes.values() for text in texts]

    @property
    def class_numbers(self) -> np.ndarray:
        """The number of the class that each sentence describes, int64 (sentences,)."""
        return np.array([number for number, texts in enumerate(self.classes.values()) for _ in texts])


def save_zero_shot(classifier: Classifier, folder: Path) -> None:
    """Write the weights, the configuration of the body, the tokenizer, and what the class names became."""
    module, encoder = classifier.module, classifier.encoder
    if not isinstance(encoder, TextEncoder):
        raise TypeError(f"expected a reader of texts, got one of {encoder.modality}s")
    save_model(module, str(folder / WEIGHTS), metadata={"format": "pt"})  # which knows weights that are shared
    body: Any = module.body
    encoder.save(folder)
    settings = {
        "architecture": classifier.architecture,
        "max_length_tokens": encoder.max_length_tokens,
        "padding": encoder.padding,
        "label_names": classifier.label_names,
        "task": classifier.task.name,
        "task_settings": classifier.task.settings,
        "body": body.config.to_dict(),
        "shape": module.shape,
    }
    write_model_record(folder, settings)


def load_zero_shot(folder: Path, build: Callable[..., nn.Module]) -> Classifier:
    """Read what `save_zero_shot` wrote; `build` makes the module from its configuration and shape."""
    from transformers import AutoConfig

    record = read_model_record(folder)
    # Its own record has the body's configuration, as config.json is that of the classifier for others to open.
    check_kernels(record["body"], folder / FILE)
    config = AutoConfig.for_model(**record["body"])
    module: Any = build(config, **record["shape"])
    load_model(module, str(folder / WEIGHTS))
    return as_teacher(
        module,
        folder,
        architecture=record["architecture"],
        label_names=tuple(record["label_names"]),
        task=task_of(record["task"], record["task_settings"]),
        max_length_tokens=record["max_length_tokens"],
        padding=record["padding"],
    )


def as_teacher(
    module: Any,
    folder: Path,
    *,
    architecture: str,
    label_names: tuple[str, ...],
    task: Task,
    max_length_tokens: int,
    padding: int,
) -> Classifier:
    """A zero-shot module with the tokenizer of a folder."""
    encoder = TextEncoder.load(
        folder / "tokenizer.json", max_length_tokens=max_length_tokens, padding=padding, inputs=module.inputs
    )
    return Classifier(
        architecture=architecture, module=module.eval(), encoder=encoder, label_names=label_names, task=task
    )


def entailment_outputs(weights: Path) -> tuple[int, int | None]:
    """The numbers of the outputs that mean entailment and contradiction; none where no output means the second.

    Raises RequestError for a model without the first.
    """
    names = [name.lower() for name in WeightsFolder(path=weights, digest="", licence="").label_names]
    entailment = [number for number, name in enumerate(names) if name.startswith("entail")]
    if len(entailment) != 1:
        raise RequestError(
            f"the model in {weights} has the labels {', '.join(names)}, none of which is entailment; give a model of "
            "natural language inference, such as the recipe train-nli makes"
        )
    others = [number for number, name in enumerate(names) if name.startswith(("contra", "not"))]
    return entailment[0], others[0] if others else None
