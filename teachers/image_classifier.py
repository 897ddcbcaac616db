"""A pretrained model that classifies images, as transformers loads it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from encoders.image_encoder import SETTINGS_FILE, ImageEncoder
from materials.errors import RequestError, in_one_line
from materials.tasks import task_of
from materials.tasks.single_label import SingleLabel
from materials.tasks.task import Task
from teachers.pretrained import quiet_transformers, read_fine_tuned, read_pretrained, task_of_folder
from training.classifier import Classifier
from training.model_record import read_model_record, write_model_record

ARCHITECTURE = "image-classifier"
COLOURS = 3


class ImageClassifier(nn.Module):
    """The model of transformers behind one input and one output."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixel_values: Tensor) -> Tensor:
        """Logits (batch, classes) from pixel values (batch, 3, height, width) of any floating type."""
        return self.model(pixel_values=pixel_values.to(self.model.dtype)).logits


def start_image_classifier(
    weights: Path,
    label_names: tuple[str, ...],
    *,
    seed: int,
    max_length_tokens: int | None = None,
    task: Task | None = None,
    modality: str = "image",
) -> Classifier:
    """The pretrained model with a head for `label_names`; the head is new unless the weights hold one of that size.

    Raises RequestError when a file is missing, damaged or not known here, or the model takes no coloured images.
    """
    from transformers import AutoModelForImageClassification

    torch.manual_seed(seed)
    task = task or SingleLabel()
    return _classifier(
        weights, lambda: read_pretrained(AutoModelForImageClassification, weights, label_names, task), task
    )


def save_image_classifier(classifier: Classifier, folder: Path) -> None:
    """Write a folder that `transformers` can load, with the complete settings of its image processor."""
    if not isinstance(classifier.module, ImageClassifier):
        raise TypeError(f"expected an ImageClassifier, got {type(classifier.module).__name__}")
    classifier.module.model.save_pretrained(folder)
    classifier.encoder.save(folder)
    task = {"task": classifier.task.name, "task_settings": classifier.task.settings}
    write_model_record(folder, {"architecture": ARCHITECTURE, **task})


def load_image_classifier(folder: Path) -> Classifier:
    """Read what `save_image_classifier` wrote; runs no code from the files."""
    record = read_model_record(folder)
    return open_image_classifier(folder, task=task_of(record.get("task", "single-label"), record.get("task_settings")))


def open_image_classifier(
    folder: Path,
    *,
    label_names: tuple[str, ...] | None = None,
    max_length_tokens: int | None = None,
    modality: str | None = None,
    task: Task | None = None,
) -> Classifier:
    """A fine-tuned folder of anybody's as it is, its labels renamed to `label_names`; runs no code from the files.

    Raises RequestError as `start_image_classifier` does, and for weights without the head.
    """
    from transformers import AutoModelForImageClassification

    def read() -> Any:
        return read_fine_tuned(AutoModelForImageClassification, folder, label_names)

    return _classifier(folder, read, task or task_of_folder(folder))


def read_image_encoder(folder: Path) -> ImageEncoder:
    """The encoder of a model folder, with what its preprocessor_config.json leaves out as transformers fills it in.

    Raises RequestError when the file is missing, damaged or not known here.
    """
    from transformers import AutoImageProcessor

    file = folder / SETTINGS_FILE
    if not file.is_file():
        raise RequestError(
            f"{folder} has no {SETTINGS_FILE}, so it cannot be given an image; name a model of images with --teacher, "
            "or copy that file there"
        )
    try:
        with quiet_transformers():
            processor = AutoImageProcessor.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        filled = json.loads(processor.to_json_string())
        settings = {key: filled.get(key) for key in ("image_processor_type", *processor.valid_kwargs.__annotations__)}
    except Exception as error:  # transformers has no error of its own for settings that it does not understand
        raise RequestError(
            f"{file} cannot be read as the settings of an image processor: {in_one_line(error)}"
        ) from error
    return ImageEncoder.of(settings, file)


def _classifier(folder: Path, read: Callable[[], Any], task: Task) -> Classifier:
    encoder = read_image_encoder(folder)
    try:
        model = read()
    except RequestError:
        raise
    except Exception as error:  # a damaged file raises whatever the library that reads it chose
        raise RequestError(
            f"{folder} cannot be opened as a model that classifies images: {in_one_line(error)}"
        ) from error
    if getattr(model.config, "num_channels", COLOURS) != COLOURS:
        raise RequestError(f"the model in {folder} takes images of {model.config.num_channels} colours; expected 3")
    label_names = tuple(model.config.id2label[number] for number in range(model.config.num_labels))
    return Classifier(
        architecture=ARCHITECTURE,
        module=ImageClassifier(model).eval(),
        encoder=encoder,
        label_names=label_names,
        task=task,
    )
