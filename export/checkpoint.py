"""Reading a trained model back, teacher or student, by the architecture that its model.json or config.json names."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from materials.errors import RequestError, in_one_line
from materials.files import read_json_object
from materials.positions import most_positions
from materials.report import silent
from training.classifier import Classifier
from training.model_record import FILE, read_model_record

CHECKPOINT_FILES = ("model.safetensors", "model.json", "config.json", "tokenizer.json")


def load_checkpoint(folder: Path, *, modality: str | None = None) -> Classifier:
    """The trained model in a folder. Raises RequestError for none, a damaged one, or one of another version.

    `modality` is pair for somebody else's model that shall read pairs of texts; a model of this program knows.
    """
    from students import STUDENTS
    from students.checkpoint import load_student
    from teachers import TEACHERS

    settings = folder / FILE
    if not settings.is_file() and (folder / "config.json").is_file():
        try:
            return _open_hugging_face(folder, modality)
        except RequestError:
            raise
        except Exception as error:  # a damaged configuration raises whatever its readers come to
            raise RequestError(f"{folder} cannot be opened as a model of transformers: {in_one_line(error)}") from error
    if not settings.is_file():
        raise RequestError(f"{folder} is no checkpoint; expected {', '.join(CHECKPOINT_FILES[:2])} in it")
    architecture = read_model_record(folder)["architecture"]
    if architecture not in TEACHERS and architecture not in STUDENTS:
        raise RequestError(
            f"{folder} holds an unknown architecture '{architecture}'; known: {', '.join((*TEACHERS, *STUDENTS))}"
        )
    try:
        return TEACHERS[architecture].load(folder) if architecture in TEACHERS else load_student(folder)
    except RequestError:
        raise
    except Exception as error:  # a damaged file raises whatever the library that reads it chose
        raise RequestError(f"{folder} cannot be opened as a {architecture}: {in_one_line(error)}") from error


def longest_text(folder: Path, config: Mapping[str, Any]) -> int:
    """The smallest of what the tokenizer, the model and common sense allow, in tokens."""
    tokenizer_length = read_json_object(folder / "tokenizer_config.json").get("model_max_length")
    return min(int(length) for length in (tokenizer_length, most_positions(config)) if length and length > 0)


def no_classifier(place: Path, config: Mapping[str, Any]) -> RequestError:
    """The refusal of a model whose configuration names no head that classifies."""
    from materials.weights import HEADS

    return RequestError(
        f"{place} holds no model that classifies; its config.json names {config.get('architectures')}, "
        f"expected {' or '.join(f'...{head}' for head in HEADS)}"
    )


def _open_hugging_face(folder: Path, modality: str | None) -> Classifier:
    """Somebody else's fine-tuned model, its texts cut to what its own files allow."""
    from materials.weights import WeightsFolder, find_weights
    from teachers.image_classifier import open_image_classifier
    from teachers.transformer import open_transformer

    weights = WeightsFolder(path=folder, digest="", licence="")
    if weights.modality is None:
        raise no_classifier(folder, weights.config)
    if weights.modality == "image":
        return open_image_classifier(folder)
    find_weights(str(folder), folder, report=silent)  # which refuses a folder that lacks a file
    return open_transformer(folder, max_length_tokens=longest_text(folder, weights.config), modality=modality)
