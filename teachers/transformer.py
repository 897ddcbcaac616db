"""A pretrained transformer with a classification head, as transformers loads it."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from materials.errors import RequestError
from teachers.pretrained import SAFELY, first_line, quiet_transformers
from training.classifier import Classifier
from training.graph_input import ATTENTION_MASK, INPUT_IDS
from training.model_record import read_model_record, write_model_record
from training.text_encoder import TextEncoder


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

    Raises RequestError when a file is damaged or the model cannot take texts of that length.
    """
    from transformers import AutoModelForSequenceClassification

    torch.manual_seed(seed)
    names = dict(enumerate(label_names))
    try:
        with quiet_transformers():
            model = AutoModelForSequenceClassification.from_pretrained(
                weights,
                num_labels=len(names),
                id2label=names,
                label2id={name: number for number, name in names.items()},
                dtype=torch.float32,
                **SAFELY,
            )
        classifier = _classifier(Transformer(model), weights, label_names, max_length_tokens)
    except Exception as error:  # a damaged file raises whatever the library that reads it chose
        raise RequestError(
            f"{weights} cannot be opened as a transformer that classifies: {first_line(error)}"
        ) from error
    positions = getattr(model.config, "max_position_embeddings", None)
    if positions and max_length_tokens > positions:
        raise RequestError(
            f"max_length_tokens is {max_length_tokens}, but the model in {weights} takes at most {positions}"
        )
    return classifier


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
    from transformers import AutoModelForSequenceClassification

    with quiet_transformers():
        model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32, **SAFELY)
    label_names = tuple(model.config.id2label[number] for number in range(model.config.num_labels))
    settings = read_model_record(folder)
    return _classifier(Transformer(model), folder, label_names, settings["max_length_tokens"])


def _classifier(module: Transformer, folder: Path, label_names: tuple[str, ...], max_length_tokens: int) -> Classifier:
    encoder = TextEncoder.load(
        folder / "tokenizer.json",
        max_length_tokens=max_length_tokens,
        padding=module.model.config.pad_token_id or 0,
        inputs=Transformer.inputs,
    )
    return Classifier(architecture="transformer", module=module.eval(), encoder=encoder, label_names=label_names)
