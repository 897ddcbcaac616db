"""A sentence encoder that takes the class whose sentence is nearest to a text."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from encoders.graph_input import ATTENTION_MASK, INPUT_IDS
from materials.errors import RequestError
from materials.files import read_json_object
from materials.modalities import Item
from materials.positions import most_positions
from materials.report import Report, silent
from materials.tasks.single_label import softmax
from materials.weights import check_config_in
from teachers.calibration import agreement_of, temperature_for
from teachers.pretrained import SAFELY, quiet_transformers
from teachers.refinement import SCALE, refined
from teachers.zero_shot import Question, as_teacher, load_zero_shot
from training.classifier import Classifier
from training.loop import compute_outputs

MEAN = ("pooling_mode_mean_tokens", "pooling_mode_mean")
FIRST = ("pooling_mode_cls_token", "pooling_mode_cls")


class SentenceEncoder(nn.Module):
    """A pretrained body whose embeddings, of length 1, are the mean of the last layer, or its first token's state."""

    def __init__(self, body: Any, *, by_first: bool) -> None:
        super().__init__()
        self.body, self.by_first = body, by_first
        self.inputs = (INPUT_IDS, ATTENTION_MASK)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Embeddings (batch, width) from token numbers and the mask of real tokens, each (batch, length)."""
        states = self.body(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        mask = attention_mask.unsqueeze(2).to(states.dtype)
        embeddings: Tensor = states[:, 0] if self.by_first else (states * mask).sum(dim=1) / mask.sum(dim=1)
        return nn.functional.normalize(embeddings, dim=1)


class EmbeddingScorer(SentenceEncoder):
    """A sentence encoder with one layer behind it: the directions of classes, and where their borders lie."""

    def __init__(self, body: Any, *, by_first: bool, classes: int) -> None:
        super().__init__(body, by_first=by_first)
        self.shape = {"by_first": by_first, "classes": classes}
        self.output = nn.Linear(body.config.hidden_size, classes)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Logits (batch, classes) from token numbers and the mask of real tokens, each (batch, length)."""
        return self.output(super().forward(input_ids, attention_mask))


@dataclass(frozen=True, kw_only=True)
class Unfinished:
    """A sentence encoder before its last layer is known: a teacher of random directions, and how it embeds texts."""

    teacher: Classifier
    embed: Callable[[Sequence[Item], Report], np.ndarray]

    def finished(self, weight: np.ndarray, bias: np.ndarray, temperature: float) -> Classifier:
        """The teacher with its last layer: weight (classes, width) and bias (classes,), over the temperature."""
        scorer: Any = self.teacher.module
        with torch.no_grad():
            for parameter, values in ((scorer.output.weight, weight), (scorer.output.bias, bias)):
                parameter.copy_(torch.from_numpy(values / np.float32(temperature)))
        return self.teacher


def answer_by_embedding(weights: Path, question: Question, max_length_tokens: int, report: Report) -> Classifier:
    """The teacher for a question; its unlabelled texts say where it is moved to if it is refined, and how sure it is.

    Where no temperature is given, it is by agreement (see `teachers.calibration`): that of the two halves of embeddings
    for the plain teacher, that with the plain one for a refined one. Raises RequestError for a question of several
    labels, and for a body that reads no tokens.
    """
    if question.task.name != "single-label":
        raise RequestError("zero-shot-embedding answers with one class a text; for several labels take zero-shot-nli")
    unfinished = begin_by_embedding(weights, question, max_length_tokens)
    of_sentences = unfinished.embed(question.sentences, silent)
    numbers = question.class_numbers
    means = np.stack([of_sentences[numbers == number].mean(axis=0) for number in range(len(question.classes))])
    directions = SCALE * means / np.linalg.norm(means, axis=1, keepdims=True)
    embeddings = unfinished.embed(question.texts, report) if question.texts else np.zeros((0, means.shape[1]))
    if question.refine:
        return moved(unfinished, question, embeddings, embeddings @ directions.T)
    temperature = SCALE * question.temperature if question.temperature else _by_halves(embeddings, directions)
    return unfinished.finished(directions, np.zeros(len(directions), dtype=np.float32), temperature)


def begin_by_embedding(weights: Path, question: Question, max_length_tokens: int) -> Unfinished:
    """The sentence encoder for a question. Raises RequestError for one that makes embeddings in a way unknown here."""
    from transformers import AutoModel

    check_config_in(weights)
    with quiet_transformers():
        body: Any = AutoModel.from_pretrained(weights, dtype=torch.float32, **SAFELY).eval()
    by_first = _is_by_first(weights)
    teacher = as_teacher(
        EmbeddingScorer(body, by_first=by_first, classes=len(question.classes)),
        weights,
        architecture="zero-shot-embedding",
        label_names=question.label_names,
        task=question.task,
        max_length_tokens=min(max_length_tokens, most_positions(body.config.to_dict())),
        padding=body.config.pad_token_id or 0,
    )
    encoder, embedder = teacher.encoder, SentenceEncoder(body, by_first=by_first)

    def embed(texts: Sequence[Item], report: Report) -> np.ndarray:
        encoded = encoder.encode(list(texts))
        embeddings: np.ndarray = compute_outputs(embedder, encoded, encoder, bf16=False, report=report).logits
        return embeddings

    return Unfinished(teacher=teacher, embed=embed)


def moved(unfinished: Unfinished, question: Question, embeddings: np.ndarray, plain: np.ndarray) -> Classifier:
    """The teacher refined as the question says, from plain logits (first rows, classes) for the first embeddings."""
    weight, bias = refined(embeddings, softmax(plain), question.refine or "")
    logits = embeddings[: len(plain)] @ weight.T + bias
    return unfinished.finished(
        weight, bias, question.temperature or temperature_for(logits, agreement_of(logits, plain))
    )


def _by_halves(embeddings: np.ndarray, directions: np.ndarray) -> float:
    """The temperature of plain logits by how often the two halves of an embedding say the same; 1 without texts."""
    if not len(embeddings):
        return 1.0
    one, other = (_cosines(embeddings[:, half::2], directions[:, half::2]) for half in (0, 1))
    return temperature_for(embeddings @ directions.T, agreement_of(one, other))


def _cosines(embeddings: np.ndarray, directions: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True) * np.linalg.norm(directions, axis=1)
    cosines: np.ndarray = embeddings @ directions.T / lengths
    return cosines


def _is_by_first(weights: Path) -> bool:
    """Whether a text's embedding is its first token's state, and not the mean.

    Raises RequestError for other ways.
    """
    settings = read_json_object(weights / "1_Pooling" / "config.json")
    ways = [name for name, is_on in settings.items() if name.startswith("pooling_mode_") and is_on is True]
    if isinstance(way := settings.get("pooling_mode"), str):
        ways.append(f"pooling_mode_{way}")
    if set(ways) - set(MEAN) - set(FIRST) or len(set(ways)) > 1:
        raise RequestError(f"{weights} makes embeddings by {', '.join(ways)}; expected the mean or the first token")
    return bool(set(ways) & set(FIRST))


def load_embedding(folder: Path) -> Classifier:
    """Read what `save_zero_shot` wrote of such a teacher."""
    from transformers import AutoModel

    def build(config: Any, **shape: Any) -> nn.Module:
        with quiet_transformers():
            return EmbeddingScorer(AutoModel.from_config(config, trust_remote_code=False), **shape)

    return load_zero_shot(folder, build)
