"""Building a student, and writing and reading a trained one."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import nn

from encoders.encoder import Encoder
from encoders.image_encoder import ImageEncoder
from encoders.image_rules import square_settings
from encoders.text_encoder import TextEncoder
from materials.errors import RequestError
from materials.tasks import task_of
from materials.tasks.task import Task
from materials.word_vectors import WordVectors
from students import STUDENTS
from students.student import Student
from students.text_student import TextStudent
from students.vocabulary import save_tokenizer
from training.classifier import Classifier
from training.model_record import read_model_record, write_model_record

WEIGHTS, TOKENIZER = "model.safetensors", "tokenizer.json"


@dataclass(frozen=True, kw_only=True)
class StudentShape:
    """What is needed to build a student again; `settings` are the keyword arguments of its architecture.

    For a student of texts, `words` is the number of rows of its embedding, and `padding` the token number that fills up
    shorter texts. For a student of images, `image_size` is their height and width, and `image_settings` is how they
    are brought to it, where they are not squeezed into a square.
    """

    architecture: str
    label_names: tuple[str, ...]
    settings: Mapping[str, Any]
    words: int = 0
    dimensions: int = 0
    max_length_tokens: int = 0
    padding: int = 0
    image_size: int = 0
    image_settings: Mapping[str, Any] | None = None
    modality: str = "text"
    task: str = "single-label"
    task_settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def asked(self) -> Task:
        """What is asked of the student."""
        return task_of(self.task, self.task_settings)


def build_student(shape: StudentShape, *, vectors: WordVectors | None, seed: int) -> Student:
    """A student with new weights; words with a pretrained vector start there, the padding row is zero."""
    torch.manual_seed(seed)
    module = _module(shape)
    if not isinstance(module, TextStudent):
        return module
    embedding = module.embedding
    with torch.no_grad():
        if vectors is not None:
            # Words without a vector stay random, but spread as widely as the vectors, so that neither kind outweighs.
            has_vector = torch.from_numpy(vectors.has_vector)
            embedding.weight.mul_(float(vectors.matrix[vectors.has_vector].std()))
            embedding.weight[has_vector] = torch.from_numpy(vectors.matrix)[has_vector]
        embedding.weight[shape.padding] = 0
    return module


def save_student(module: nn.Module, shape: StudentShape, tokenizer: Tokenizer | None, folder: Path) -> None:
    """Write the weights and model.json, and what the student reads items by: its tokenizer, or its image settings."""
    save_file(module.state_dict(), folder / WEIGHTS)
    write_model_record(folder, {**asdict(shape), "student_version": STUDENTS[shape.architecture].student_class.version})
    if tokenizer is not None:
        save_tokenizer(tokenizer, folder)
    else:
        student_encoder(None, shape).save(folder)


def load_student(folder: Path) -> Classifier:
    """Read what `save_student` wrote; runs no code from the files.

    Raises RequestError for a student whose architecture computed something else then.
    """
    content = read_model_record(folder)
    version = content.pop("student_version", 1)  # the first version did not say it
    version_here = STUDENTS[content["architecture"]].student_class.version
    if version != version_here:
        raise RequestError(
            f"{folder} is a {content['architecture']} of version {version}; this distilbench has version "
            f"{version_here}; train it again"
        )
    shape = StudentShape(**{**content, "label_names": tuple(content["label_names"])})
    module = _module(shape)
    module.load_state_dict(load_file(folder / WEIGHTS))
    return Classifier(
        architecture=shape.architecture,
        module=module.eval(),
        encoder=student_encoder(folder / TOKENIZER, shape),
        label_names=shape.label_names,
        task=shape.asked,
    )


def student_encoder(file: Path | None, shape: StudentShape) -> Encoder:
    """The encoder of a student: by its tokenizer.json, or by fixed settings for images of its size."""
    if shape.modality == "image":
        return ImageEncoder.of(shape.image_settings or square_settings(shape.image_size), shape.architecture)
    if file is None:
        raise ValueError(f"a {shape.architecture} needs a tokenizer.json")
    return TextEncoder.load(
        file,
        max_length_tokens=shape.max_length_tokens,
        padding=shape.padding,
        inputs=STUDENTS[shape.architecture].student_class.inputs,
        modality=shape.modality,
    )


def _module(shape: StudentShape) -> Student:
    build: Callable[..., Student] = STUDENTS[shape.architecture].student_class
    if shape.modality == "image":
        return build(classes=len(shape.label_names), image_size=shape.image_size, **shape.settings)
    return build(
        words=shape.words,
        classes=len(shape.label_names),
        dimensions=shape.dimensions,
        padding=shape.padding,
        **shape.settings,
    )
