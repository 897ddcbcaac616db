"""Token numbers of texts for WordPiece tokenizers, by whole columns of bytes; each word is cut into pieces once."""

import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from encoders.piece_memory import PieceMemory
from encoders.token_rows import TokenRows
from encoders.word_cuts import SIGN, SPACE, WORD, cuts_between, pieces_between

SPACES = b"\t\n\r "
ROWS_AT_A_TIME = 1024
FEWEST_CHARACTERS = 1_500
PADDING = 16 * b"\n"  # so that windows of 16 bytes may begin at any word


def _kind(byte: int) -> int:
    if byte in SPACES:
        return SPACE
    return SIGN if chr(byte) in string.punctuation else WORD


_KINDS = bytes(map(_kind, range(256)))
_SIGNS = re.escape(string.punctuation.encode())
_WORD = re.compile(b"[^%b%b]+|[%b]" % (SPACES, _SIGNS, _SIGNS))


@dataclass(frozen=True, eq=False, kw_only=True)
class PieceEncoder:
    """Does what `tokenizers` does with such a file, for texts that it `takes`.

    White space and signs of ASCII stand between words in every such tokenizer, so that the pieces of a text are those
    of what lies between them, one after the other. What these are is asked of the tokenizer, and remembered.

    `before` and `after` are the special tokens around a text. Texts with one of the `marks` are left to the tokenizer.
    """

    memory: PieceMemory
    lower: bool
    before: tuple[int, ...]
    after: tuple[int, ...]
    marks: tuple[str, ...]

    def takes(self, text: str) -> bool:
        """Whether a text can be cut into words: it has no mark, and an encoding."""
        if any(mark in text for mark in self.marks):
            return False
        return text.isascii() or _has_encoding(text)

    def takes_all(self, texts: Sequence[str]) -> bool:
        """Whether all texts can be cut into words."""
        return self.takes("\n".join(texts))

    def encode(self, texts: Sequence[str], longest: int) -> TokenRows:
        """The token numbers of texts that it takes, special tokens included, cut to `longest`."""
        most_pieces = longest - len(self.before) - len(self.after)
        if sum(map(len, texts)) < FEWEST_CHARACTERS:  # below, the calls to numpy cost more than they save
            return TokenRows.of([[*self.before, *self._row(text)[:most_pieces], *self.after] for text in texts])
        starts = range(0, len(texts), ROWS_AT_A_TIME)
        parts = [self._column(texts[start : start + ROWS_AT_A_TIME]) for start in starts]
        return TokenRows.joined(parts).cut(most_pieces).between(self.before, self.after)

    def _row(self, text: str) -> list[int]:
        text_bytes = text.encode()
        words = _WORD.findall(text_bytes.lower() if self.lower else text_bytes)
        return list(chain.from_iterable(self.memory.pieces_of(words)))

    def _column(self, texts: Sequence[str]) -> TokenRows:
        rows = [text.encode() for text in texts]
        joined = b"\n".join(rows) + PADDING
        text_bytes = joined.lower() if self.lower else joined  # of bytes, only the letters of ASCII are
        kinds = np.frombuffer(text_bytes.translate(_KINDS), dtype=np.uint8)
        starts, ends = pieces_between(cuts_between(kinds), kinds)
        # Where each text and its separator end: a row owns the words that start before that and after the row above.
        row_ends = np.cumsum(np.fromiter(map(len, rows), dtype=np.int64, count=len(rows)) + 1)
        bounds = np.concatenate([[0], np.searchsorted(starts, row_ends)])
        pieces = self.memory.find(text_bytes, starts, ends)
        return TokenRows(pieces.tokens, pieces.bounds[bounds])


def _has_encoding(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # for half of a letter
        return False
    return True


def piece_encoder_of(content: Mapping[str, Any], tokenizer: Tokenizer) -> PieceEncoder | None:
    """The encoder for what a tokenizer.json holds; none unless this shows that it works by the rules known here."""
    parts = [(content.get(name) or {}).get("type") for name in ("model", "normalizer", "pre_tokenizer")]
    if parts != ["WordPiece", "BertNormalizer", "BertPreTokenizer"]:
        return None
    added = content.get("added_tokens") or []
    if any(token.get("normalized", True) for token in added):  # which are looked for in texts as they become
        return None
    around = _around(tokenizer, content["model"]["vocab"])
    if around is None:
        return None
    lower = bool(content["normalizer"].get("lowercase"))
    contents = {token["content"] for token in added}
    known = {
        word.encode(): (number,)
        for word, number in content["model"]["vocab"].items()
        if word.isascii() and word not in contents and _WORD.fullmatch(word.encode()) and "\0" not in word
        if not (lower and word.lower() != word) and len(word) <= content["model"]["max_input_chars_per_word"]
    }
    return PieceEncoder(
        memory=PieceMemory(tokenizer, known),
        lower=lower,
        before=around[0],
        after=around[1],
        marks=("\0", *sorted(contents)),
    )


def _around(tokenizer: Tokenizer, vocabulary: Mapping[str, int]) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """The special tokens before and after a text; none where there is no telling, or no room for a text."""
    alone = tuple(tokenizer.encode("").ids)
    longest = (tokenizer.truncation or {}).get("max_length")
    if longest is not None and longest <= len(alone):
        return None
    word = next((word for word in vocabulary if word.isascii() and word.isalnum() and word == word.lower()), None)
    if word is None:
        return None
    ids = tuple(tokenizer.encode(word).ids)
    places = [place for place in range(len(alone) + 1) if ids == (*alone[:place], vocabulary[word], *alone[place:])]
    return (alone[: places[0]], alone[places[0] :]) if places else None
