"""Whether a bundle names its labels and reads its items as the trained model does, before anything is computed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from encoders.encoder import Encoder
from encoders.graph_input import GraphInput
from encoders.image_encoder import SETTINGS_FILE, ImageEncoder
from encoders.text_encoder import TextEncoder
from encoders.token_rows import TokenRows
from export.bundle import Bundle
from export.companions import CONFIG, TOKENIZER, TOKENIZER_CONFIG
from export.gate.unusual import unusual_items
from materials.files import read_json_object
from training.classifier import Classifier

ROWS, IMAGES = 256, 16
WITHOUT_EFFECT = ("version", "decoder")  # on the numbers of a text


def why_read_otherwise(bundle: Bundle, classifier: Classifier, items: Sequence[Any]) -> str | None:
    """What a bundle's labels, inputs, tokenizer or image settings have otherwise than the trained model, if anything.

    Both read the first of the `items`, which are real ones, and unusual ones.
    """
    if classifier.task.has_names and (reason := why_other_labels(bundle.label_names, classifier.label_names)):
        return reason
    expected, actual = classifier.encoder, bundle.encoder()
    name = "image settings read" if bundle.modality == "image" else "tokenizer reads"
    first_items = items[: IMAGES if bundle.modality == "image" else ROWS]
    if not _encode_alike(expected, actual, first_items):
        return f"its {name} the rows otherwise than the trained model's"
    if reason := _other_settings(expected, actual):
        return reason
    if bundle.inputs != expected.inputs:
        return f"its inputs are {_listed(bundle.inputs)}; the trained model's are {_listed(expected.inputs)}"
    if not _encode_alike(expected, actual, unusual_items(expected)):
        return f"its {name} unusual rows otherwise than the trained model's"
    return _other_companions(bundle, classifier)


def why_other_labels(actual: Sequence[str], expected: Sequence[str], where: str = "bundle.json") -> str | None:
    """The first label, by the number of its output, that is called otherwise; none when all agree."""
    if len(actual) != len(expected):
        return f"{where} names {len(actual)} labels; the trained model has {len(expected)}"
    pairs = enumerate(zip(actual, expected, strict=True))
    return next(
        (
            f"{where} calls output {number} '{name}'; the trained model calls it '{trained_name}'"
            for number, (name, trained_name) in pairs
            if name != trained_name
        ),
        None,
    )


def same_arrays(actual: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray]) -> bool:
    """Whether two sets of a graph's inputs have the same names, in any order, and the same values."""
    return set(actual) == set(expected) and all(
        np.array_equal(actual[name], expected_array) for name, expected_array in expected.items()
    )


def _listed(inputs: Sequence[GraphInput]) -> str:
    return ", ".join(f"{graph_input.name} ({graph_input.dtype})" for graph_input in inputs)


def _encode_alike(expected: Encoder, actual: Encoder, items: Sequence[Any]) -> bool:
    expected_rows, actual_rows = expected.encode(items), actual.encode(items)
    return same_arrays(actual.pad(actual_rows), expected.pad(expected_rows))


def _other_settings(expected: Encoder, actual: Encoder) -> str | None:
    """The first setting that differs, also where no row has shown it."""
    if isinstance(expected, ImageEncoder) and isinstance(actual, ImageEncoder):
        for field in fields(expected.rules):
            values = [getattr(encoder.rules, field.name) for encoder in (actual, expected)]
            if values[0] != values[1]:
                return f"its {SETTINGS_FILE} gives {field.name} {values[0]}; the trained model's gives {values[1]}"
    if isinstance(expected, TextEncoder) and isinstance(actual, TextEncoder):
        for name, meaning in (("max_length_tokens", "longest text"), ("padding", "padding token")):
            numbers = [getattr(encoder, name) for encoder in (actual, expected)]
            if numbers[0] != numbers[1]:
                return f"its {meaning} is {numbers[0]}; the trained model's is {numbers[1]}"
        return _other_tokenizer(expected, actual)
    return None


def _other_tokenizer(expected: TextEncoder, actual: TextEncoder) -> str | None:
    texts = [encoder.tokenizer.to_str() for encoder in (expected, actual)]
    if texts[0] == texts[1]:
        return None
    parts, actual_parts = map(json.loads, texts)
    differing = [part for part in parts if part not in WITHOUT_EFFECT and parts[part] != actual_parts.get(part)]
    return f"its {TOKENIZER} has another {' and '.join(differing)} than the trained model's" if differing else None


def _other_companions(bundle: Bundle, classifier: Classifier) -> str | None:
    """What config.json and tokenizer_config.json tell `transformers` otherwise; none without these files."""
    labels = read_json_object(bundle.folder / CONFIG).get("id2label")
    if labels and classifier.task.has_names:
        names = [labels[number] for number in sorted(labels, key=int)]
        if reason := why_other_labels(names, classifier.label_names, CONFIG):
            return reason
    settings, encoder = read_json_object(bundle.folder / TOKENIZER_CONFIG), classifier.encoder
    if not settings or not isinstance(encoder, TextEncoder):
        return None
    expected = {
        "padding_side": _padding_side(encoder),
        "truncation_side": (encoder.tokenizer.truncation or {}).get("direction", "right"),
        "model_max_length": encoder.max_length_tokens,
        "model_input_names": [graph_input.name for graph_input in encoder.inputs],
    }
    return next(
        (
            f"its {TOKENIZER_CONFIG} says {key} {settings[key]}; the trained model's texts have {value}"
            for key, value in expected.items()
            if key in settings and settings[key] != value
        ),
        None,
    )


def _padding_side(encoder: TextEncoder) -> str:
    """Where a row of one token is filled up to two, by what the encoder does."""
    row = TokenRows.of([[encoder.padding + 1]], [[0]] if encoder.modality == "pair" else None)
    return "right" if encoder.pad(row, length=2)["input_ids"][0, 1] == encoder.padding else "left"
