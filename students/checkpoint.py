"""Building a student, and writing and reading a trained one."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import nn

from encoders.text_encoder import TextEncoder
from materials.errors import RequestError
from materials.word_vectors import WordVectors
from students import STUDENTS
from students.text_student import TextStudent
from students.vocabulary import save_tokenizer
from training.classifier import Classifier
from training.model_record import read_model_record, write_model_record


@dataclass(frozen=True, kw_only=True)
class StudentShape:
    """All that is needed to build a student again; `settings` are the keyword arguments of its architecture.

    `words` is the number of rows of its embedding, `padding` the token number that texts are filled up with.
    """

    architecture: str
    words: int
    dimensions: int
    label_names: tuple[str, ...]
    max_length_tokens: int
    settings: Mapping[str, Any]
    padding: int = 0


def build_student(shape: StudentShape, *, vectors: WordVectors | None, seed: int) -> TextStudent:
    """A student with new weights; words with a pretrained vector start there, the padding row is zero."""
    torch.manual_seed(seed)
    module = _module(shape)
    embedding = module.embedding
    with torch.no_grad():
        if vectors is not None:
            known = torch.from_numpy(vectors.known)
            embedding.weight.mul_(float(vectors.matrix[vectors.known].std()))
            embedding.weight[known] = torch.from_numpy(vectors.matrix)[known]
        embedding.weight[shape.padding] = 0
    return module


def save_student(module: nn.Module, shape: StudentShape, tokenizer: Tokenizer, folder: Path) -> None:
    """Write model.safetensors, model.json and tokenizer.json."""
    save_file(module.state_dict(), folder / "model.safetensors")
    write_model_record(folder, {**asdict(shape), "student_version": STUDENTS[shape.architecture].version})
    save_tokenizer(tokenizer, folder)


def load_student(folder: Path) -> Classifier:
    """Read what `save_student` wrote; runs no code from the files.

    Raises RequestError for a student whose architecture computed something else then.
    """
    content = read_model_record(folder)
    version = content.pop("student_version", 1)  # the first version did not say it
    if version != STUDENTS[content["architecture"]].version:
        raise RequestError(
            f"{folder} is a {content['architecture']} of version {version}; this distilbench has version "
            f"{STUDENTS[content['architecture']].version}; train it again"
        )
    shape = StudentShape(**{**content, "label_names": tuple(content["label_names"])})
    module = _module(shape)
    module.load_state_dict(load_file(folder / "model.safetensors"))
    encoder = student_encoder(folder / "tokenizer.json", shape)
    return Classifier(
        architecture=shape.architecture, module=module.eval(), encoder=encoder, label_names=shape.label_names
    )


def student_encoder(file: Path, shape: StudentShape) -> TextEncoder:
    """The encoder of a student from its tokenizer.json."""
    inputs = STUDENTS[shape.architecture].inputs
    return TextEncoder.load(file, max_length_tokens=shape.max_length_tokens, padding=shape.padding, inputs=inputs)


def _module(shape: StudentShape) -> TextStudent:
    build: Callable[..., TextStudent] = STUDENTS[shape.architecture]
    return build(
        words=shape.words,
        classes=len(shape.label_names),
        dimensions=shape.dimensions,
        padding=shape.padding,
        **shape.settings,
    )
