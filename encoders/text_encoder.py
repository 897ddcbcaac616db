"""Texts to padded arrays of token numbers, by the one tokenizer.json of a model; needs no torch."""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from encoders.encoder import Shape
from encoders.graph_input import GraphInput
from encoders.made_up_rows import AS_TOKENIZED, MADE_UP_ROWS, Source
from encoders.piece_encoder import PieceEncoder, piece_encoder_of
from encoders.token_rows import TokenRows
from encoders.word_encoder import WordEncoder, word_encoder_of
from materials.errors import RequestError, in_one_line
from materials.modalities import MODALITIES, modality_of

TOKEN_INPUTS: dict[str, Callable[[TokenRows], np.ndarray]] = {  # what a graph may take, a number for each token
    "input_ids": lambda rows: rows.tokens,
    "attention_mask": lambda rows: np.ones_like(rows.tokens),
    "token_type_ids": lambda rows: np.zeros_like(rows.tokens) if rows.types is None else rows.types,
}
MOST_COUNTED = 5_000
PANIC = "PanicException"


@contextmanager
def refusing_damage(file: Path | None) -> Iterator[None]:
    """Turn what `tokenizers` raises for a tokenizer.json that is damaged into a sentence.

    Its code in Rust panics where nobody thought of a setting; that is no Exception in Python, and is told by its name.
    """
    try:
        yield
    except (RequestError, MemoryError):
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != PANIC:
            raise
        raise RequestError(f"{file or 'the tokenizer'} cannot be used as a tokenizer: {in_one_line(error)}") from None


def lengths_of(tokenizer: Tokenizer, items: Sequence[Any]) -> list[int]:
    """The number of tokens of each text or pair of texts, special tokens included, however long it is.

    Of more than 5,000 items, of 5,000 from all over.
    """
    numbers = np.linspace(0, len(items) - 1, min(len(items), MOST_COUNTED)).astype(np.int64)
    whole = Tokenizer.from_str(tokenizer.to_str())  # settings of a tokenizer stay with it, so a copy is changed
    whole.no_padding()
    whole.no_truncation()
    return [len(encoding.ids) for encoding in whole.encode_batch_fast([items[number] for number in numbers.tolist()])]


@dataclass(frozen=True, kw_only=True)
class TextEncoder:
    """A tokenizer that cuts texts to `max_length_tokens` and pads a batch to its longest text only.

    `modality` is text, or pair for items of two texts, which the tokenizer joins by its own rules. `words` encodes
    texts that it takes many times as fast, where the tokenizer.json allows it. `file` is the tokenizer.json that it was
    read from. `made_up_rows` is the kind of rows that `example` makes up.
    """

    tokenizer: Tokenizer
    max_length_tokens: int
    padding: int
    inputs: tuple[GraphInput, ...]
    words: WordEncoder | PieceEncoder | None = None
    file: Path | None = None
    modality: str = "text"
    made_up_rows: str = AS_TOKENIZED

    @classmethod
    def load(
        cls,
        file: Path,
        *,
        max_length_tokens: int,
        padding: int,
        inputs: tuple[GraphInput, ...],
        modality: str = "text",
        made_up_rows: str = AS_TOKENIZED,
    ) -> "TextEncoder":
        """Read a tokenizer.json; its own truncation and padding settings are replaced.

        Raises RequestError for one that is damaged.
        """
        with refusing_damage(file):
            tokenizer = Tokenizer.from_file(str(file))
            tokenizer.no_padding()
            tokenizer.enable_truncation(max_length=max_length_tokens)
            content = json.loads(file.read_text(encoding="utf-8")) if modality == "text" else None
            words = (word_encoder_of(content) or piece_encoder_of(content, tokenizer)) if content else None
        return cls(
            tokenizer=tokenizer,
            max_length_tokens=max_length_tokens,
            padding=padding,
            inputs=inputs,
            words=words,
            file=file,
            modality=modality,
            made_up_rows=made_up_rows,
        )

    def encode(self, texts: Sequence[Any]) -> TokenRows:
        """The token numbers of each text or pair of texts; one without a token is one padding token.

        Raises RequestError for a single text where pairs are expected, and the other way round; and where the
        tokenizer cannot do what its file says.
        """
        self._check(texts)
        rows = self._by_tokenizer(texts) if self.words is None else self._by_words(self.words, texts)
        return rows.without_gaps(self.padding)

    def take(self, rows: TokenRows, numbers: np.ndarray) -> TokenRows:
        """The rows of these numbers."""
        return rows.take(numbers)

    def lengths(self, rows: TokenRows) -> np.ndarray:
        """The number of tokens of each row."""
        return rows.lengths

    def pad(self, rows: TokenRows, *, length: int | None = None) -> dict[str, np.ndarray]:
        """The graph's inputs for a batch, each (batch, length) of its own type.

        By default the length is the longest row's, or what the graph fixes.
        """
        lengths, fixed_length = rows.lengths, self.inputs[0].dimensions[1]
        longest = int(lengths.max()) if len(rows) > 1 else len(rows.tokens)
        width = length or (fixed_length if isinstance(fixed_length, int) else longest)
        shape = (len(rows), width)
        # Where all rows are as long, as one alone is, there is nothing to fill up.
        is_even = longest <= width and len(rows.tokens) == len(rows) * width
        is_token = None if is_even else np.arange(width) < lengths[:, None]

        def filled(graph_input: GraphInput) -> np.ndarray:
            # A copy, also of what fits as it is: a model may write to its inputs.
            flat = TOKEN_INPUTS[graph_input.name](rows).astype(graph_input.dtype)
            if is_token is None:
                return flat.reshape(shape)
            array = np.full(shape, self.padding if graph_input.name == "input_ids" else 0, dtype=graph_input.dtype)
            array[is_token] = flat  # the true places, row by row, are as many as there are tokens, in the same order
            return array

        return {graph_input.name: filled(graph_input) for graph_input in self.inputs}

    def batches(self, rows: TokenRows, batch_size: int) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
        """Yield row numbers and graph's inputs of batches of about equal length, each row once, the longest last."""
        if len(rows) <= batch_size:
            yield np.arange(len(rows)), self.pad(rows)
            return
        order = np.argsort(rows.lengths, kind="stable")
        sorted_rows = rows.take(order)
        for start in range(0, len(order), batch_size):
            batch = slice(start, start + batch_size)
            yield order[batch], self.pad(sorted_rows[batch])

    def shapes(self) -> list[Shape]:
        """Batches of few to many texts of few to many tokens."""
        return MADE_UP_ROWS[self.made_up_rows].shapes(self._source)

    def example(self, shape: Shape, *, rows: TokenRows | None = None) -> dict[str, np.ndarray]:
        """Inputs of exactly this shape; every second row is shorter, so that padding is exercised too.

        The texts' tokens are those of `rows`, over and over; without rows, tokens of the vocabulary.
        """
        made_up = MADE_UP_ROWS[self.made_up_rows].rows(self._source, shape, rows)
        return self.pad(made_up, length=shape.length)

    def save(self, folder: Path) -> None:
        """Write tokenizer.json, byte for byte as it was read. Raises ValueError when it was not read from a file."""
        if self.file is None:
            raise ValueError("this encoder was not read from a tokenizer.json")
        shutil.copyfile(self.file, folder / "tokenizer.json")

    @cached_property
    def _source(self) -> Source:
        return Source(
            tokenizer=self.tokenizer,
            padding=self.padding,
            modality=self.modality,
            max_length_tokens=self.max_length_tokens,
        )

    def _check(self, items: Sequence[Any]) -> None:
        item_type = tuple if self.modality == "pair" else str
        if all(issubclass(kind, item_type) for kind in set(map(type, items))):  # a look at each item would cost time
            return
        wrong_item = next(item for item in items if not isinstance(item, item_type))
        plural, kind = MODALITIES[self.modality].plural, modality_of(wrong_item)
        raise RequestError(f"the model reads {plural}, and got an item of another kind ({kind}): {wrong_item!r:.60}")

    def _by_tokenizer(self, texts: Sequence[Any]) -> TokenRows:
        is_bare = self.modality == "pair" and self.tokenizer.post_processor is None
        # Without a post-processor, the fast way gives the second text of a pair the type of the first.
        encode = self.tokenizer.encode_batch if is_bare else self.tokenizer.encode_batch_fast
        with refusing_damage(self.file):
            try:
                encodings = encode(list(texts))
            except TypeError:  # what tokenizers says of a text that no encoding has
                raise RequestError(
                    "a text holds half of a letter (a lone surrogate) or a byte that is not UTF-8"
                ) from None
        types = [encoding.type_ids for encoding in encodings] if self.modality == "pair" else None
        return TokenRows.of([encoding.ids for encoding in encodings], types)

    def _by_words(self, words: WordEncoder | PieceEncoder, texts: Sequence[str]) -> TokenRows:
        """The rows of texts, those that `words` does not take by the tokenizer."""
        with refusing_damage(self.file):
            rows = words.encode(texts, self.max_length_tokens)
        if rows is not None:
            return rows
        is_taken = np.fromiter(map(words.takes, texts), dtype=bool, count=len(texts))
        if is_taken.all():
            raise ValueError("an encoder takes each of the texts, and not all of them")
        order = np.argsort(~is_taken, kind="stable")
        taken = [texts[row] for row in order[: is_taken.sum()]]
        others = self._by_tokenizer([texts[row] for row in order[is_taken.sum() :]])
        # argsort of a permutation is its inverse: the rows as they came.
        parts = [self._by_words(words, taken), others] if taken else [others]
        return TokenRows.joined(parts).take(np.argsort(order))
