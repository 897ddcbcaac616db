"""A sentence encoder that takes the class whose sentence is nearest to a text."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from encoders.encoder import Encoder
from encoders.graph_input import ATTENTION_MASK, INPUT_IDS
from materials.errors import RequestError
from materials.files import read_json_object
from materials.positions import most_positions
from materials.report import Report, silent
from teachers.pretrained import SAFELY, quiet_transformers
from teachers.refinement import SCALE, refined
from teachers.zero_shot import Question, as_teacher, load_zero_shot
from training.classifier import Classifier
from training.loop import predict_outputs

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


def answer_by_embedding(weights: Path, question: Question, max_length_tokens: int, report: Report) -> Classifier:
    """The teacher for a question; its unlabelled texts say where it is moved to if it is refined.

    Raises RequestError for a question of several labels, and for a body that reads no tokens.
    """
    if question.task.name != "single-label":
        raise RequestError("zero-shot-embedding answers with one class a text; for several labels take zero-shot-nli")
    from transformers import AutoModel

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
    layer = _layer(SentenceEncoder(body, by_first=by_first), teacher.encoder, question, report)
    scorer: Any = teacher.module
    with torch.no_grad():
        for parameter, values in zip(scorer.output.parameters(), layer, strict=True):  # weight and bias
            parameter.copy_(torch.from_numpy(values))
    return teacher


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
            return EmbeddingScorer(AutoModel.from_config(config), **shape)

    return load_zero_shot(folder, build)


def _layer(
    sentence_encoder: SentenceEncoder, encoder: Encoder, question: Question, report: Report
) -> tuple[np.ndarray, np.ndarray]:
    """The last layer: the mean direction of each class's sentences over the temperature, or what refining makes of it.

    The temperature is by default 0.05, with which sentence encoders are trained; a refined teacher has its own.
    """

    def embed(texts: Any, report: Report) -> np.ndarray:
        return predict_outputs(sentence_encoder, encoder.encode(list(texts)), encoder, bf16=False, report=report)

    of_sentences = embed(question.sentences, silent)
    numbers = question.class_numbers
    means = np.stack([of_sentences[numbers == number].mean(axis=0) for number in range(len(question.classes))])
    directions = means / np.linalg.norm(means, axis=1, keepdims=True)
    scale = np.float32(1 / question.temperature if question.temperature else SCALE)
    if not question.refine:
        return scale * directions, np.zeros(len(directions), dtype=np.float32)
    weight, bias = refined(embed(question.texts, report), SCALE * directions, question.refine)
    softer = np.float32(question.temperature or 1.0)
    return weight / softer, bias / softer
