"""A pretrained transformer with a classification head, as transformers loads it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from encoders.graph_input import ATTENTION_MASK, INPUT_IDS
from encoders.text_encoder import TextEncoder
from materials.errors import RequestError
from teachers.pretrained import first_line, quiet_transformers, read_fine_tuned, read_pretrained
from training.classifier import Classifier
from training.model_record import read_model_record, write_model_record


class Transformer(nn.Module):
    """The model of transformers behind two inputs and one output."""

    inputs = (INPUT_IDS, ATTENTION_MASK)

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Logits (batch, classes) from token numbers and the mask of real tokens, both (batch, length)."""
        return self.model(input_ids=input_ids, attention_mask=attention_mask).logits


def start_transformer(weights: Path, label_names: tuple[str, ...], *, max_length_tokens: int, seed: int) -> Classifier:
    """The pretrained model with a head for `label_names`; the head is new unless the weights hold one of that size.

    Raises RequestError when a file is damaged or the model cannot take texts of that length, or several at once.
    """
    from transformers import AutoModelForSequenceClassification

    torch.manual_seed(seed)
    with _one_sentence(weights):
        model = read_pretrained(AutoModelForSequenceClassification, weights, label_names)
        return _classifier(Transformer(model), weights, label_names, max_length_tokens)


def open_transformer(folder: Path, *, max_length_tokens: int, label_names: tuple[str, ...] | None = None) -> Classifier:
    """A fine-tuned model of anybody's as it is, its labels renamed to `label_names`; runs no code from the files.

    Raises RequestError as `start_transformer` does, and for weights without the head or a head for another task.
    """
    from transformers import AutoModelForSequenceClassification

    with _one_sentence(folder):
        model = read_fine_tuned(AutoModelForSequenceClassification, folder, label_names)
        names = tuple(model.config.id2label[number] for number in range(model.config.num_labels))
        return _classifier(Transformer(model), folder, names, max_length_tokens)


def save_transformer(classifier: Classifier, folder: Path) -> None:
    """Write a folder that `transformers` can load, with its tokenizer.json and the length it was trained for."""
    module, encoder = classifier.module, classifier.encoder
    if not isinstance(module, Transformer) or not isinstance(encoder, TextEncoder):
        raise TypeError(f"expected a Transformer of texts, got {type(module).__name__} of {encoder.modality}s")
    module.model.save_pretrained(folder)
    encoder.tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"architecture": "transformer", "max_length_tokens": encoder.max_length_tokens}
    write_model_record(folder, settings)


def load_transformer(folder: Path) -> Classifier:
    """Read what `save_transformer` wrote; runs no code from the files."""
    return open_transformer(folder, max_length_tokens=read_model_record(folder)["max_length_tokens"])


def read_padding(folder: Path) -> int:
    """The number of the token that the model in a folder fills texts up with; 0 where its configuration names none."""
    from transformers import AutoConfig

    with _one_sentence(folder), quiet_transformers():
        return _padding(AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False))


def _padding(config: Any) -> int:
    return getattr(config, "pad_token_id", None) or 0


def _classifier(module: Transformer, folder: Path, label_names: tuple[str, ...], max_length_tokens: int) -> Classifier:
    encoder = TextEncoder.load(
        folder / "tokenizer.json",
        max_length_tokens=max_length_tokens,
        padding=_padding(module.model.config),
        inputs=Transformer.inputs,
    )
    _check_length(module, folder, max_length_tokens)
    _check_batching(module.eval(), folder)
    return Classifier(architecture="transformer", module=module, encoder=encoder, label_names=label_names)


def _check_length(module: Transformer, folder: Path, max_length_tokens: int) -> None:
    positions = getattr(module.model.config, "max_position_embeddings", None)
    if positions and max_length_tokens > positions:
        raise RequestError(
            f"max_length_tokens is {max_length_tokens}, but the model in {folder} takes at most {positions}"
        )


def _check_batching(module: Transformer, folder: Path) -> None:
    """Models that read the last token (GPT-2) find it by the padding; without one they take a single text at a time."""
    if getattr(module.model.config, "pad_token_id", None) is not None:
        return
    tokens = torch.zeros(2, 2, dtype=torch.int64)
    try:
        with torch.inference_mode():
            module(tokens, torch.ones_like(tokens))
    except ValueError:
        raise RequestError(
            f"the model in {folder} cannot take several texts at once, for its config.json names no pad_token_id; "
            "set it there to the padding token that it was fine-tuned with"
        ) from None


@contextmanager
def _one_sentence(folder: Path) -> Iterator[None]:
    try:
        yield
    except RequestError:
        raise
    except Exception as error:  # a damaged file raises whatever the library that reads it chose
        raise RequestError(
            f"{folder} cannot be opened as a transformer that classifies: {first_line(error)}"
        ) from error
