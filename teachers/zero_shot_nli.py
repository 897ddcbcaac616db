"""A model of natural language inference that says how far each text entails each class's sentence."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from encoders.graph_input import ATTENTION_MASK, INPUT_IDS
from materials.errors import RequestError
from materials.positions import most_positions
from materials.report import Report
from teachers.pretrained import quiet_transformers, read_fine_tuned
from teachers.zero_shot import Question, as_teacher, entailment_outputs, load_zero_shot
from teachers.zero_shot_embedding import begin_by_embedding, moved
from training.classifier import Classifier
from training.loop import compute_outputs

PAIRS_AT_A_TIME = 256
MOST_ASKED = 1_000


class EntailmentScorer(nn.Module):
    """A cross-encoder over every text and every class's sentence, in the shape of a classifier.

    A text comes as its own tokens; each sentence's tokens, which follow a text's in a pair, are joined to it here, so
    that a text is tokenized once for all classes. Outputs are the entailment logits (Yin et al. 2019), softmax over
    which is the usual zero-shot answer; for several labels they are entailment less contradiction, whose sigmoid is the
    softmax of the two. Several sentences of a class are averaged.
    """

    tails: Tensor
    tail_lengths: Tensor
    shares: Tensor

    def __init__(
        self,
        body: Any,
        *,
        tails: Sequence[Sequence[int]],
        classes: Sequence[int],
        entailment: int,
        contradiction: int | None,
        temperature: float,
        padding: int,
    ) -> None:
        super().__init__()
        self.body: Any = body
        self.padding = padding
        self.shape = {
            "tails": [list(tail) for tail in tails],
            "classes": list(classes),
            "entailment": entailment,
            "contradiction": contradiction,
            "temperature": temperature,
            "padding": padding,
        }
        self.inputs = (INPUT_IDS, ATTENTION_MASK)
        self.entailment, self.contradiction, self.temperature = entailment, contradiction, temperature
        self.has_types = (getattr(body.config, "type_vocab_size", 0) or 0) > 1
        longest = max(map(len, tails))
        tokens = torch.full((len(tails), longest), padding)
        for number, tail in enumerate(tails):
            tokens[number, : len(tail)] = torch.tensor(tail)
        shares = torch.zeros(len(tails), max(classes) + 1)
        shares[torch.arange(len(tails)), torch.tensor(classes)] = 1.0
        self.register_buffer("tails", tokens)
        self.register_buffer("tail_lengths", torch.tensor([len(tail) for tail in tails]))
        self.register_buffer("shares", shares / shares.sum(dim=0))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Logits (batch, classes) from token numbers and the mask of real tokens, each (batch, length)."""
        pairs = self._pairs(input_ids, attention_mask)
        is_traced = torch.jit.is_tracing() or torch.compiler.is_compiling()  # type: ignore[attr-defined,no-untyped-call]
        if is_traced or len(pairs[0]) <= PAIRS_AT_A_TIME:
            scores = self._scores(*pairs)
        else:  # no more at a time than a processor's cache and a small memory take
            parts = zip(*(part.split(PAIRS_AT_A_TIME) for part in pairs), strict=True)
            scores = torch.cat([self._scores(*part) for part in parts])
        by_sentence = scores.reshape(input_ids.shape[0], self.tails.shape[0])
        return by_sentence @ self.shares / self.temperature

    def _pairs(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Tokens, mask and types of each text with each sentence, (batch x sentences, length + longest sentence)."""
        batch, length = input_ids.shape
        sentences, longest = self.tails.shape
        ends = attention_mask.sum(dim=1).reshape(batch, 1, 1)
        lengths = self.tail_lengths.reshape(1, sentences, 1)
        places = torch.arange(length + longest, device=input_ids.device).reshape(1, 1, -1)
        is_text, is_pair = places < ends, places < ends + lengths
        both = torch.cat(
            [
                input_ids.unsqueeze(1).expand(batch, sentences, length),
                self.tails.unsqueeze(0).expand(batch, sentences, longest),
            ],
            dim=2,
        )
        # The sentence's first token stands right behind the text's last, wherever the batch's longest text ends.
        source = torch.where(is_text, places, (places - ends + length).clamp(max=length + longest - 1))
        tokens = both.gather(2, source.expand(batch, sentences, length + longest))
        tokens = torch.where(is_pair, tokens, self.padding)
        types = is_pair & ~is_text
        flat = (batch * sentences, length + longest)
        mask = is_pair.to(torch.int64)
        return tokens.reshape(flat), mask.reshape(flat), types.expand_as(is_pair).to(torch.int64).reshape(flat)

    def _scores(self, tokens: Tensor, mask: Tensor, types: Tensor) -> Tensor:
        more = {"token_type_ids": types} if self.has_types else {}
        logits = self.body(input_ids=tokens, attention_mask=mask, **more).logits
        score: Tensor = logits[:, self.entailment]
        return score if self.contradiction is None else score - logits[:, self.contradiction]


def answer_by_entailment(weights: Path, question: Question, max_length_tokens: int, report: Report) -> Classifier:
    """The teacher for a question; a refined one asks this model about some texts, and a sentence encoder embeds all.

    Raises RequestError for a model of another kind, for pairs it joins otherwise, and for several labels to refine by.
    """
    from transformers import AutoModelForSequenceClassification

    entailment, contradiction = entailment_outputs(weights)
    if question.task.name == "multi-label" and contradiction is None:
        raise RequestError(f"the model in {weights} has no output for contradiction, which several labels a text need")
    body = read_fine_tuned(AutoModelForSequenceClassification, weights)
    tails = _tails(weights / "tokenizer.json", question.sentences)
    most = most_positions(body.config.to_dict())
    room = min(max_length_tokens, most - max(map(len, tails)))
    if room < 4:
        raise RequestError(f"the longest description leaves no room for a text among the {most} tokens of {weights}")
    padding = body.config.pad_token_id or 0
    module = EntailmentScorer(
        body,
        tails=tails,
        classes=question.class_numbers.tolist(),
        entailment=entailment,
        contradiction=contradiction if question.task.name == "multi-label" else None,
        temperature=question.temperature or 1.0,
        padding=padding,
    )
    plain = as_teacher(
        module,
        weights,
        architecture="zero-shot-nli",
        label_names=question.label_names,
        task=question.task,
        max_length_tokens=room,
        padding=padding,
    )
    return _moved(plain, question, max_length_tokens, report) if question.refine else plain


def _moved(plain: Classifier, question: Question, max_length_tokens: int, report: Report) -> Classifier:
    """A sentence encoder refined from the model's answers for 1,000 texts at most, from all over."""
    if question.encoder is None:
        raise ValueError("no sentence encoder is given to refine by")
    if question.task.name != "single-label":
        raise RequestError("a teacher of several labels a text cannot be refined; leave teacher.refine out")
    texts, encoder = question.texts, plain.encoder
    first = np.linspace(0, len(texts) - 1, min(len(texts), MOST_ASKED)).astype(int).tolist()
    asked = encoder.encode([texts[number] for number in first])
    answers = compute_outputs(plain.module, asked, encoder, bf16=False, report=report).logits
    unfinished = begin_by_embedding(question.encoder, question, max_length_tokens)
    rest = sorted(set(range(len(texts))) - set(first))
    embeddings = unfinished.embed([texts[number] for number in first + rest], report)
    return moved(unfinished, question, embeddings, answers)


def load_entailment(folder: Path) -> Classifier:
    """Read what `save_zero_shot` wrote of such a teacher."""
    from transformers import AutoModelForSequenceClassification

    def build(config: Any, **shape: Any) -> nn.Module:
        with quiet_transformers():
            model = AutoModelForSequenceClassification.from_config(config, trust_remote_code=False)
            return EntailmentScorer(model, **shape)

    return load_zero_shot(folder, build)


def _tails(file: Path, sentences: Sequence[str]) -> list[list[int]]:
    """The tokens that each sentence adds behind a text. Raises RequestError where a pair does not begin as a text."""
    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    alone = tokenizer.encode("a").ids
    pairs = [tokenizer.encode("a", sentence).ids for sentence in sentences]
    if any(pair[: len(alone)] != alone for pair in pairs):
        raise RequestError(
            f"{file} joins the texts of a pair in another way than behind each other; give another model"
        )
    return [pair[len(alone) :] for pair in pairs]
