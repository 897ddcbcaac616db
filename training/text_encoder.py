"""Texts to padded arrays of token numbers, by the one tokenizer.json of a model; needs no torch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from training.graph_input import GraphInput


@dataclass(frozen=True, kw_only=True)
class TextEncoder:
    """A tokenizer that cuts texts to `max_length_tokens` and pads a batch to its longest text only."""

    tokenizer: Tokenizer
    max_length_tokens: int
    padding: int
    inputs: tuple[GraphInput, ...]

    @classmethod
    def load(cls, file: Path, *, max_length_tokens: int, padding: int, inputs: tuple[GraphInput, ...]) -> "TextEncoder":
        """Read a tokenizer.json; its own truncation and padding settings are replaced."""
        tokenizer = Tokenizer.from_file(str(file))
        tokenizer.no_padding()
        tokenizer.enable_truncation(max_length=max_length_tokens)
        return cls(tokenizer=tokenizer, max_length_tokens=max_length_tokens, padding=padding, inputs=inputs)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """The token numbers of each text; a text without a known token is one padding token."""
        encoded = self.tokenizer.encode_batch_fast(list(texts))
        return [encoding.ids or [self.padding] for encoding in encoded]

    def pad(self, encoded: Sequence[Sequence[int]], *, length: int | None = None) -> dict[str, np.ndarray]:
        """The graph's inputs for a batch, each int64 of shape (batch, length); by default the longest text's length."""
        width = length or max(len(tokens) for tokens in encoded)
        input_ids = np.full((len(encoded), width), self.padding, dtype=np.int64)
        mask = np.zeros((len(encoded), width), dtype=np.int64)
        for row, tokens in enumerate(encoded):
            input_ids[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
        arrays = {"input_ids": input_ids, "attention_mask": mask}
        return {graph_input.name: arrays[graph_input.name] for graph_input in self.inputs}


def bucketed_batches(lengths: Sequence[int], batch_size: int, seed: int | None) -> Iterator[np.ndarray]:
    """Row numbers in batches of rows of about equal length, each row once.

    With a seed, rows and batches come in random order, sorted by length only within 50 batches, so that each epoch
    mixes them anew; without one, all rows are sorted, the longest last.
    """
    order = np.arange(len(lengths))
    if seed is None:
        order = order[np.argsort(lengths, kind="stable")]
        yield from (order[start : start + batch_size] for start in range(0, len(order), batch_size))
        return
    generator = np.random.default_rng(seed)
    generator.shuffle(order)
    measured = np.asarray(lengths)
    pool = 50 * batch_size
    batches = []
    for start in range(0, len(order), pool):
        rows = order[start : start + pool]
        rows = rows[np.argsort(measured[rows], kind="stable")]
        batches += [rows[first : first + batch_size] for first in range(0, len(rows), batch_size)]
    for number in generator.permutation(len(batches)):
        yield batches[number]
