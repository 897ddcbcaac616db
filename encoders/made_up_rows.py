"""Made-up rows of tokens in shapes of every kind, by which an exported file is compared with its original."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from tokenizers import Tokenizer

from encoders.encoder import Shape
from encoders.token_rows import TokenRows

BATCH_SIZES = (1, 2, 7, 64)
SHORT_LENGTH, MIDDLE_LENGTH = 17, 128
MIDDLE_BATCH = 7
STEP = 1_000_003  # a prime above every vocabulary's size, so that steps of it reach all tokens
MOST_TRIED = 50
FIRST, SECOND = -1, -2
EXAMPLE_LENGTH = 7
LENGTHS_BY_NUMBER = (1, 2, 17)
LARGEST_BATCH, MOST_OF_LARGEST = 64, 64


@dataclass(frozen=True, kw_only=True)
class Template:
    """What a tokenizer makes of a text or a pair: its special tokens, with -1 and -2 in the places of the texts.

    `types` are the token types, one for each of `tokens`.
    """

    tokens: tuple[int, ...]
    types: tuple[int, ...]

    @property
    def fewest(self) -> int:
        """The number of special tokens: the length of an empty text."""
        return sum(token >= 0 for token in self.tokens)

    def row(self, text_tokens: list[int]) -> tuple[list[int], list[int]]:
        """The tokens and types of a row that holds these; the first text of a pair has one more where they are odd."""
        half = len(text_tokens) if SECOND not in self.tokens else (len(text_tokens) + 1) // 2
        texts = {FIRST: text_tokens[:half], SECOND: text_tokens[half:]}
        parts = [texts.get(token, [token]) for token in self.tokens]
        return (
            [token for part in parts for token in part],
            [kind for part, kind in zip(parts, self.types, strict=True) for _ in part],
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class Source:
    """What made-up rows are made of: a tokenizer, its padding token, what it reads, and the most tokens of a row."""

    tokenizer: Tokenizer
    padding: int
    modality: str
    max_length_tokens: int

    @cached_property
    def template(self) -> Template:
        """What the tokenizer makes of a text, as it shows for a word."""
        return read_template(self.tokenizer, self.modality)

    @cached_property
    def special_tokens(self) -> np.ndarray:
        """The numbers of the tokens that are not a text's own, int64 (tokens,)."""
        added = self.tokenizer.get_added_tokens_decoder().items()
        special = {number for number, token in added if token.special}
        return np.array(sorted({self.padding, *self.template.tokens, *special}))

    @cached_property
    def vocabulary(self) -> np.ndarray:
        """The numbers of all tokens, int64 (tokens,)."""
        return np.array(sorted(self.tokenizer.get_vocab().values()))


@dataclass(frozen=True, kw_only=True)
class MadeUpRows:
    """One kind of made-up rows: the shapes that are tried, and the rows of a shape, made of the tokens of `rows`."""

    shapes: Callable[[Source], list[Shape]]
    rows: Callable[[Source, Shape, TokenRows | None], TokenRows]


def read_template(tokenizer: Tokenizer, modality: str) -> Template:
    """The template of a tokenizer, from what it makes of a word; it has none where all that it adds are the texts."""
    words = sorted(word for word in tokenizer.get_vocab() if word.isalpha())
    for word in ("a", *words[:MOST_TRIED]):
        encoding = tokenizer.encode(word, word) if modality == "pair" else tokenizer.encode(word)
        places = dict.fromkeys(encoding.sequence_ids)
        if 0 in places and (1 in places or modality != "pair"):
            return _template(encoding.ids, encoding.type_ids, encoding.sequence_ids)
    texts = (FIRST, SECOND) if modality == "pair" else (FIRST,)
    return Template(tokens=texts, types=tuple(range(len(texts))))


def _template(ids: list[int], types: list[int], sequences: list[int | None]) -> Template:
    """The encoding of a word with each run of a text's own tokens as one place."""
    tokens, kept_types = [], []
    for number, (token, kind, sequence) in enumerate(zip(ids, types, sequences, strict=True)):
        if sequence is not None and number and sequences[number - 1] == sequence:
            continue
        tokens.append(token if sequence is None else (FIRST, SECOND)[sequence])
        kept_types.append(kind)
    return Template(tokens=tuple(tokens), types=tuple(kept_types))


def _shapes(source: Source) -> list[Shape]:
    """Batches of 1, 2, 7 and 64 of the shortest and of short rows, 7 rows of up to 128 tokens, one of the most.

    64 rows of 17 tokens, 7 of 128 and one of 512 cost about the same, so that no shape takes longer than an export.
    """
    longest = source.max_length_tokens
    fewest = max(1, source.template.fewest)
    short = sorted({min(length, longest) for length in (fewest, fewest + 1, max(SHORT_LENGTH, fewest))})
    shapes = [Shape(batch=batch, length=length) for batch in BATCH_SIZES for length in short]
    longer = [Shape(batch=MIDDLE_BATCH, length=min(MIDDLE_LENGTH, longest)), Shape(batch=1, length=longest)]
    return [*shapes, *(shape for shape in longer if shape not in shapes)]


def _rows(source: Source, shape: Shape, rows: TokenRows | None) -> TokenRows:
    """Rows as the tokenizer builds real ones, every second one shorter; the texts' own tokens are from `rows`.

    Without rows they are from all over the vocabulary. Padding and special tokens stand in no text.
    """
    template = source.template
    length = max(shape.length or EXAMPLE_LENGTH, template.fewest)
    tokens, step = (rows.tokens, 1) if rows else (source.vocabulary, STEP)
    text_tokens = tokens[~np.isin(tokens, source.special_tokens)]
    if not len(text_tokens):
        text_tokens = tokens
    stream = text_tokens[np.arange(shape.batch * length) * step % len(text_tokens)].reshape(shape.batch, length)
    sizes = [max(1, length // 2, template.fewest) if number % 2 else length for number in range(shape.batch)]
    built = [template.row(row[: size - template.fewest]) for row, size in zip(stream.tolist(), sizes, strict=True)]
    types = [row_types for _, row_types in built] if source.modality == "pair" else None
    return TokenRows.of([row for row, _ in built], types)


def _shapes_by_number(source: Source) -> list[Shape]:
    """Batches of 1, 2, 7 and 64 rows of 1, 2, 17 and the most tokens, but for the largest of many tokens."""
    longest = source.max_length_tokens
    lengths = sorted({*(length for length in LENGTHS_BY_NUMBER if length < longest), longest})
    shapes = [Shape(batch=batch, length=length) for batch in BATCH_SIZES for length in lengths]
    return [shape for shape in shapes if shape.batch < LARGEST_BATCH or (shape.length or 0) <= MOST_OF_LARGEST]


def _rows_by_number(source: Source, shape: Shape, rows: TokenRows | None) -> TokenRows:
    """Rows of the first numbers of the vocabulary, without a thought of special tokens, every second one shorter."""
    length = shape.length or EXAMPLE_LENGTH
    tokens = rows.tokens if rows else np.arange(1, source.tokenizer.get_vocab_size())
    stream = np.resize(tokens, shape.batch * length).reshape(shape.batch, length).tolist()
    shorter = max(1, length // 2)
    parts = [row[: shorter if number % 2 else length] for number, row in enumerate(stream)]
    # The second half of a row is the second text of a pair.
    types = [[int(2 * place >= len(part)) for place in range(len(part))] for part in parts]
    return TokenRows.of(parts, types if source.modality == "pair" else None)


AS_TOKENIZED, BY_NUMBER = "as-tokenized", "by-number"
MADE_UP_ROWS: Mapping[str, MadeUpRows] = {
    AS_TOKENIZED: MadeUpRows(shapes=_shapes, rows=_rows),
    BY_NUMBER: MadeUpRows(shapes=_shapes_by_number, rows=_rows_by_number),  # of bundles up to version 2
}
