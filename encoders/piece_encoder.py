"""Token numbers of texts for WordPiece tokenizers, by whole columns of bytes; each word is cut into pieces once."""

import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from encoders.made_up_rows import FIRST, read_template
from encoders.piece_memory import PieceMemory
from encoders.token_rows import TokenRows
from encoders.word_cuts import SIGN, SPACE, WORD, bounds_of_rows, cuts_between, pieces_between

SPACES = b"\t\n\r "
ROWS_AT_A_TIME = 1024
FEWEST_BYTES = 1_500
AFTER_TEXTS = 16 * b"\n"  # so that windows of 16 bytes may begin at any word


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

    `before` and `after` are the special tokens around a text. It takes no text with one of the `marks`.
    """

    memory: PieceMemory
    lower: bool
    before: tuple[int, ...]
    after: tuple[int, ...]
    marks: tuple[bytes, ...]

    @cached_property
    def first_bytes(self) -> frozenset[bytes]:
        """What each mark begins with: to look for one byte takes no time."""
        return frozenset(mark[:1] for mark in self.marks)

    def takes(self, text: str) -> bool:
        """Whether a text can be cut into words: it has no mark, and an encoding."""
        try:
            return not self._is_marked(self._bytes(text))
        except UnicodeEncodeError:  # for half of a letter
            return False

    def encode(self, texts: Sequence[str], longest: int) -> TokenRows | None:
        """The token numbers of texts, special tokens included, cut to `longest`; none unless it takes all of them."""
        try:
            rows = list(map(self._bytes, texts))
        except UnicodeEncodeError:
            return None
        most_pieces = longest - len(self.before) - len(self.after)
        if sum(map(len, rows)) < FEWEST_BYTES:  # below, the calls to numpy cost more than they save
            if any(map(self._is_marked, rows)):
                return None
            return TokenRows.of([[*self.before, *self._row(row)[:most_pieces], *self.after] for row in rows])
        parts = []
        for start in range(0, len(rows), ROWS_AT_A_TIME):
            part = rows[start : start + ROWS_AT_A_TIME]
            text_bytes = b"\n".join(part) + AFTER_TEXTS
            if self._is_marked(text_bytes):
                return None
            parts.append(self._column(part, text_bytes))
        return TokenRows.joined(parts).cut(most_pieces).between(self.before, self.after)

    def _bytes(self, text: str) -> bytes:
        text_bytes = text.encode()
        return text_bytes.lower() if self.lower else text_bytes  # of bytes, only the letters of ASCII are

    def _is_marked(self, text_bytes: bytes) -> bool:
        if not any(byte in text_bytes for byte in self.first_bytes):
            return False
        return any(mark in text_bytes for mark in self.marks)

    def _row(self, row: bytes) -> list[int]:
        return list(chain.from_iterable(self.memory.pieces_of(_WORD.findall(row))))

    def _column(self, rows: Sequence[bytes], text_bytes: bytes) -> TokenRows:
        """The tokens of rows that lie one after the other in `text_bytes`, each with a line break after it."""
        kinds = np.frombuffer(text_bytes.translate(_KINDS), dtype=np.uint8)
        starts, ends = pieces_between(cuts_between(kinds), kinds)
        pieces = self.memory.find(text_bytes, starts, ends)
        return TokenRows(pieces.tokens, pieces.bounds[bounds_of_rows(starts, rows)])


def piece_encoder_of(content: Mapping[str, Any], tokenizer: Tokenizer) -> PieceEncoder | None:
    """The encoder for what a tokenizer.json holds; none unless this shows that it works by the rules known here."""
    parts = [(content.get(name) or {}).get("type") for name in ("model", "normalizer", "pre_tokenizer")]
    if parts != ["WordPiece", "BertNormalizer", "BertPreTokenizer"]:
        return None
    added_tokens = content.get("added_tokens") or []
    added = {token["content"] for token in added_tokens}
    # Those that are looked for in texts as they become are elsewhere than in texts, and a text ends where a line does.
    if any(token.get("normalized", True) for token in added_tokens) or any("\n" in word for word in added):
        return None
    vocabulary = content["model"]["vocab"]
    around = _special_tokens(tokenizer)
    if around is None:
        return None
    lower, longest = bool(content["normalizer"].get("lowercase")), content["model"]["max_input_chars_per_word"]
    plain = {
        word.encode(): (number,)
        for word, number in vocabulary.items()
        if word.isascii() and word.isprintable() and _WORD.fullmatch(word.encode()) and len(word) <= longest
        if word not in added and not (lower and word.lower() != word)
    }
    marks = (mark.encode() for mark in sorted(added))
    return PieceEncoder(
        memory=PieceMemory(tokenizer, plain),
        lower=lower,
        before=around[0],
        after=around[1],
        marks=(b"\0", *(mark.lower() if lower else mark for mark in marks)),
    )


def _special_tokens(tokenizer: Tokenizer) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """The special tokens before and after a text; none where it stands elsewhere, or there is no room for one."""
    if tokenizer.truncation and tokenizer.truncation["max_length"] <= tokenizer.num_special_tokens_to_add(False):
        return None
    tokens = read_template(tokenizer, "text").tokens
    if tokens.count(FIRST) != 1:
        return None
    place = tokens.index(FIRST)
    return tokens[:place], tokens[place + 1 :]
