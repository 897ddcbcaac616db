"""Texts to padded arrays of token numbers, by the one tokenizer.json of a model; needs no torch."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from encoders.encoder import Shape
from encoders.graph_input import GraphInput
from encoders.token_rows import TokenRows
from encoders.word_cuts import all_simple, is_simple
from encoders.word_encoder import WordEncoder, read_word_encoder

ARRAYS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "input_ids": lambda input_ids, is_token: input_ids,
    "attention_mask": lambda input_ids, is_token: is_token.astype(np.int64),
    "token_type_ids": lambda input_ids, is_token: np.zeros_like(input_ids),
}
BATCH_SIZES = (1, 2, 7, 64)
LENGTHS = (1, 2, 17)
EXAMPLE_LENGTH = 7


@dataclass(frozen=True, kw_only=True)
class TextEncoder:
    """A tokenizer that cuts texts to `max_length_tokens` and pads a batch to its longest text only.

    `words`, for a tokenizer.json that allows it, does the same to simple texts many times as fast. `file` is the
    tokenizer.json that it was read from.
    """

    tokenizer: Tokenizer
    max_length_tokens: int
    padding: int
    inputs: tuple[GraphInput, ...]
    words: WordEncoder | None = None
    file: Path | None = None

    modality = "text"

    @classmethod
    def load(cls, file: Path, *, max_length_tokens: int, padding: int, inputs: tuple[GraphInput, ...]) -> "TextEncoder":
        """Read a tokenizer.json; its own truncation and padding settings are replaced."""
        tokenizer = Tokenizer.from_file(str(file))
        tokenizer.no_padding()
        tokenizer.enable_truncation(max_length=max_length_tokens)
        return cls(
            tokenizer=tokenizer,
            max_length_tokens=max_length_tokens,
            padding=padding,
            inputs=inputs,
            words=read_word_encoder(file),
            file=file,
        )

    def encode(self, texts: Sequence[str]) -> TokenRows:
        """The token numbers of each text; a text without a token is one padding token."""
        if self.words is None:
            rows = self._by_tokenizer(texts)
        elif all_simple(texts):
            rows = self.words.encode(texts).cut(self.max_length_tokens)
        else:
            rows = self._by_both(self.words, texts)
        return rows.without_gaps(self.padding)

    def pad(self, rows: TokenRows, *, length: int | None = None) -> dict[str, np.ndarray]:
        """The graph's inputs for a batch, each (batch, length) of its own type; by default the longest row's length."""
        lengths = rows.lengths
        is_token = np.arange(length or lengths.max()) < lengths[:, None]
        input_ids = np.full(is_token.shape, self.padding, dtype=np.int64)
        input_ids[is_token] = rows.tokens
        return {
            graph_input.name: ARRAYS[graph_input.name](input_ids, is_token).astype(graph_input.dtype, copy=False)
            for graph_input in self.inputs
        }

    def batches(self, rows: TokenRows, batch_size: int) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
        """Row numbers and graph's inputs of batches of rows of about equal length, each row once, the longest last."""
        if len(rows) <= batch_size:
            yield np.arange(len(rows)), self.pad(rows)
            return
        order = np.argsort(rows.lengths, kind="stable")
        ordered = rows.take(order)
        for start in range(0, len(order), batch_size):
            batch = slice(start, start + batch_size)
            yield order[batch], self.pad(ordered[batch])

    def shapes(self) -> list[Shape]:
        """Batches of 1, 2, 7 and 64 texts of 1, 2, 17 and the most tokens."""
        lengths = sorted({*(length for length in LENGTHS if length < self.max_length_tokens), self.max_length_tokens})
        return [Shape(batch=batch, length=length) for batch in BATCH_SIZES for length in lengths]

    def example(self, shape: Shape, *, rows: TokenRows | None = None) -> dict[str, np.ndarray]:
        """Inputs of exactly this shape; every second row is shorter, so that padding is exercised too.

        The tokens are those of `rows`, over and over; without rows, the first numbers of the vocabulary.
        """
        length = shape.length or EXAMPLE_LENGTH
        tokens = rows.tokens if rows else np.arange(1, self.tokenizer.get_vocab_size())
        stream = np.resize(tokens, shape.batch * length).reshape(shape.batch, length).tolist()
        shorter = max(1, length // 2)
        parts = [row[: shorter if number % 2 else length] for number, row in enumerate(stream)]
        return self.pad(TokenRows.of(parts), length=length)

    def save(self, folder: Path) -> None:
        """Write tokenizer.json, byte for byte as it was read. Raises ValueError when it was not read from a file."""
        if self.file is None:
            raise ValueError("this encoder was not read from a tokenizer.json")
        shutil.copyfile(self.file, folder / "tokenizer.json")

    def _by_tokenizer(self, texts: Sequence[str]) -> TokenRows:
        return TokenRows.of([encoding.ids for encoding in self.tokenizer.encode_batch_fast(list(texts))])

    def _by_both(self, words: WordEncoder, texts: Sequence[str]) -> TokenRows:
        simple = np.fromiter(map(is_simple, texts), dtype=bool, count=len(texts))
        order = np.argsort(~simple, kind="stable")
        split = simple.sum()
        parts = [
            words.encode([texts[row] for row in order[:split]]).cut(self.max_length_tokens),
            self._by_tokenizer([texts[row] for row in order[split:]]),
        ]
        return TokenRows.joined(parts).take(np.argsort(order))


def bucketed_batches(lengths: np.ndarray, batch_size: int, seed: int | None) -> Iterator[np.ndarray]:
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
    pool = 50 * batch_size
    batches = []
    for start in range(0, len(order), pool):
        rows = order[start : start + pool]
        rows = rows[np.argsort(lengths[rows], kind="stable")]
        batches += [rows[first : first + batch_size] for first in range(0, len(rows), batch_size)]
    for number in generator.permutation(len(batches)):
        yield batches[number]
