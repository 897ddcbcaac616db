"""A pretrained transformer with a classification head, as transformers loads it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from encoders.cut_side import refuse_other_side
from encoders.graph_input import ATTENTION_MASK, INPUT_IDS, TOKEN_TYPE_IDS
from encoders.text_encoder import TextEncoder
from materials.errors import RequestError, in_one_line
from materials.files import read_json_object
from materials.tasks import task_of
from materials.tasks.single_label import SingleLabel
from materials.tasks.task import Task
from teachers.pretrained import quiet_transformers, read_fine_tuned, read_pretrained, task_of_folder
from training.classifier import Classifier
from training.model_record import read_model_record, write_model_record

SETTINGS = "tokenizer_config.json"
TRIED = ("Fine!", "The café's menu, in CAPITALS: 12 soups (cold), 3 teas.", "a  b\tc")
MOST_BY_PADDING = 1e-3


class Transformer(nn.Module):
    """The model of transformers behind two inputs, or three where it tells the texts of a pair apart."""

    def __init__(self, model: Any, *, modality: str = "text") -> None:
        super().__init__()
        self.model = model
        has_types = (getattr(model.config, "type_vocab_size", 0) or 0) > 1
        types = (TOKEN_TYPE_IDS,) if modality == "pair" and has_types else ()
        self.inputs = (INPUT_IDS, ATTENTION_MASK, *types)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None) -> Tensor:
        """Logits (batch, outputs) from token numbers, the mask of real tokens and token types, each (batch, length)."""
        types = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
        return self.model(input_ids=input_ids, attention_mask=attention_mask, **types).logits


def start_transformer(
    weights: Path,
    label_names: tuple[str, ...],
    *,
    seed: int,
    max_length_tokens: int,
    task: Task | None = None,
    modality: str = "text",
) -> Classifier:
    """The pretrained model with a head for `label_names`; the head is new unless the weights hold one of that size.

    Raises RequestError when a file is damaged or the model cannot take texts of that length, or several at once.
    """
    from transformers import AutoModelForSequenceClassification

    torch.manual_seed(seed)
    task = task or SingleLabel()
    with _one_sentence(weights):
        model = read_pretrained(AutoModelForSequenceClassification, weights, label_names, task)
        return _checked(
            as_classifier(
                model, weights, label_names, max_length_tokens=max_length_tokens, task=task, modality=modality
            ),
            weights,
        )


def open_transformer(
    folder: Path,
    *,
    max_length_tokens: int,
    label_names: tuple[str, ...] | None = None,
    modality: str | None = None,
    task: Task | None = None,
) -> Classifier:
    """A fine-tuned model of anybody's as it is, its labels renamed to `label_names`; runs no code from the files.

    Its own configuration says its task, but for settings such as thresholds, which `task` has. It reads single texts
    unless `modality` is pair. Raises RequestError as `start_transformer` does, and for weights without the head.
    """
    with _one_sentence(folder):
        return _checked(
            _read(folder, max_length_tokens=max_length_tokens, label_names=label_names, modality=modality, task=task),
            folder,
        )


def _read(
    folder: Path,
    *,
    max_length_tokens: int,
    label_names: tuple[str, ...] | None,
    modality: str | None,
    task: Task | None,
) -> Classifier:
    from transformers import AutoModelForSequenceClassification

    model = read_fine_tuned(AutoModelForSequenceClassification, folder, label_names)
    names = tuple(model.config.id2label[number] for number in range(model.config.num_labels))
    task, modality = task or task_of_folder(folder), modality or "text"
    return as_classifier(model, folder, names, max_length_tokens=max_length_tokens, task=task, modality=modality)


def save_transformer(classifier: Classifier, folder: Path) -> None:
    """Write a folder that `transformers` can load, with its tokenizer.json and the length it was trained for."""
    module, encoder = classifier.module, classifier.encoder
    if not isinstance(module, Transformer) or not isinstance(encoder, TextEncoder):
        raise TypeError(f"expected a Transformer of texts, got {type(module).__name__} of {encoder.modality}s")
    module.model.save_pretrained(folder)
    encoder.tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "architecture": "transformer",
        "max_length_tokens": encoder.max_length_tokens,
        "modality": encoder.modality,
        "task": classifier.task.name,
        "task_settings": classifier.task.settings,
    }
    write_model_record(folder, settings)


def load_transformer(folder: Path) -> Classifier:
    """Read what `save_transformer` wrote; runs no code from the files."""
    record = read_model_record(folder)
    with _one_sentence(folder):  # whose weights were checked when they were first opened
        return _read(
            folder,
            max_length_tokens=record["max_length_tokens"],
            label_names=None,
            modality=record.get("modality"),
            task=task_of(record.get("task", "single-label"), record.get("task_settings")),
        )


def read_padding(folder: Path) -> int:
    """The number of the token that the model in a folder fills texts up with; 0 where its configuration names none."""
    from transformers import AutoConfig

    with _one_sentence(folder), quiet_transformers():
        return _padding(AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False))


def _padding(config: Any) -> int:
    return getattr(config, "pad_token_id", None) or 0


def as_classifier(
    model: Any, folder: Path, label_names: tuple[str, ...], *, max_length_tokens: int, task: Task, modality: str
) -> Classifier:
    """A model of transformers with the tokenizer of a folder. Raises RequestError as `start_transformer` does."""
    module = Transformer(model, modality=modality)
    encoder = TextEncoder.load(
        folder / "tokenizer.json",
        max_length_tokens=max_length_tokens,
        padding=_padding(module.model.config),
        inputs=module.inputs,
        modality=modality,
    )
    _check_length(module, folder, max_length_tokens)
    _check_batching(module.eval(), folder)
    return Classifier(architecture="transformer", module=module, encoder=encoder, label_names=label_names, task=task)


def _checked(classifier: Classifier, folder: Path) -> Classifier:
    """The classifier of a folder of anybody's, where it can be trusted. Raises RequestError where it cannot."""
    module, encoder = classifier.module, classifier.encoder
    assert isinstance(module, Transformer)
    assert isinstance(encoder, TextEncoder)
    _check_tokenizer(module, encoder, folder)
    _check_longest(module, encoder, folder)
    _check_alone(module, encoder, classifier.task, folder)
    return classifier


def _check_tokenizer(module: Transformer, encoder: TextEncoder, folder: Path) -> None:
    """Refuse a tokenizer that has more tokens than the model, that cuts on the left, or of which two files disagree."""
    last, tokens = max(encoder.tokenizer.get_vocab().values(), default=0), _embeddings(module)
    if tokens is not None and last >= tokens:
        raise RequestError(
            f"tokenizer.json of {folder} has {last + 1:,} tokens, the model {tokens:,}; give the tokenizer that it was "
            "trained with"
        )
    settings = read_json_object(folder / SETTINGS) if (folder / SETTINGS).is_file() else {}
    refuse_other_side(folder)
    if settings and (text := _read_otherwise(encoder, folder)):
        raise RequestError(
            f"the two files of the tokenizer in {folder} disagree: transformers reads '{text}' by {SETTINGS} in "
            "another way than tokenizer.json says; make them agree, as save_pretrained of the tokenizer does"
        )


def _embeddings(module: Transformer) -> int | None:
    """How many tokens the model has vectors for; none where it does not say."""
    try:
        return int(module.model.get_input_embeddings().num_embeddings)
    except (AttributeError, NotImplementedError):
        return None


def _read_otherwise(encoder: TextEncoder, folder: Path) -> str | None:
    """A text that the tokenizer of transformers cuts into other tokens; none where it reads all alike.

    None, too, where it cannot be loaded: then nobody reads texts by it.
    """
    from transformers import AutoTokenizer

    with quiet_transformers():
        try:
            other = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
            cut = {"truncation": True, "max_length": encoder.max_length_tokens}
            numbers = [other(text, **cut)["input_ids"] for text in TRIED]
        except Exception:  # it raises a dozen kinds, each of which means that it cannot be loaded
            return None
    own = [encoder.tokenizer.encode(text).ids for text in TRIED]
    return next((text for text, ids, others in zip(TRIED, own, numbers, strict=True) if ids != others), None)


def _check_length(module: Transformer, folder: Path, max_length_tokens: int) -> None:
    positions = getattr(module.model.config, "max_position_embeddings", None) or 0
    if 0 < positions < max_length_tokens:
        raise RequestError(
            f"max_length_tokens is {max_length_tokens}, but the model in {folder} takes at most {positions}"
        )


def _check_longest(module: Transformer, encoder: TextEncoder, folder: Path) -> None:
    """Refuse a length for which the model has no positions: tried, as not all configurations tell."""
    text = " ".join(TRIED * encoder.max_length_tokens)
    rows = encoder.encode([text if encoder.modality == "text" else (text, text)])
    try:
        with torch.inference_mode():
            module(*(torch.from_numpy(array) for array in encoder.pad(rows).values()))
    except (IndexError, RuntimeError) as error:
        raise RequestError(
            f"the model in {folder} takes no text of {encoder.max_length_tokens} tokens ({in_one_line(error)}); set "
            f"model_max_length in its {SETTINGS} to as many as it has positions for"
        ) from None


def _check_alone(module: Transformer, encoder: TextEncoder, task: Task, folder: Path) -> None:
    """Refuse a model whose answer for a text depends on what else is in its batch: on how far it is padded."""
    short, long = (text if encoder.modality == "text" else (text, text) for text in (TRIED[0], " ".join(TRIED)))
    try:
        with torch.inference_mode():
            alone, beside = (
                module(*(torch.from_numpy(array) for array in encoder.pad(encoder.encode(texts)).values()))[0]
                for texts in ([short], [short, long])
            )
    except (IndexError, RuntimeError, ValueError):
        return  # a short text may be too short for a model; the gate says of what shape
    alone, beside = (task.probabilities(outputs.float().numpy()[None])[0] for outputs in (alone, beside))
    difference, size = float(abs(alone - beside).max()), max(1.0, float(abs(alone).max()))
    if difference > MOST_BY_PADDING * size:
        raise RequestError(
            f"the model in {folder} answers a text alone otherwise than beside a longer one (by {difference:.2g}), as "
            "it does not leave out padding; such a model cannot be measured in batches"
        )


def _check_batching(module: Transformer, folder: Path) -> None:
    """Models that read the last token (GPT-2) find it by the padding; without one they take a single text at a time."""
    if getattr(module.model.config, "pad_token_id", None) is not None:
        return
    tokens = torch.zeros(2, 8, dtype=torch.int64)
    try:
        with torch.inference_mode(), suppress(RuntimeError):
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
            f"{folder} cannot be opened as a transformer that classifies: {in_one_line(error)}"
        ) from error
