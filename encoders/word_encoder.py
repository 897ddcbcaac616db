"""Token numbers of texts by whole columns of bytes, for the word-level tokenizers of which it knows all rules."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from encoders.token_rows import TokenRows
from encoders.word_cuts import cut_column, cut_row, lower_bytes
from encoders.word_table import BYTES_PER_KEY, UNSETTLED, WordTable, word_tables

PATTERN = r"[\p{L}\p{N}_]+(?=n't)|n't|'(?:s|m|d|ll|re|ve)|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]"
RULES: Mapping[str, Any] = {
    "added_tokens": [],
    "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFKC"}, {"type": "Lowercase"}]},
    "pre_tokenizer": {"type": "Split", "pattern": {"Regex": PATTERN}, "behavior": "Removed", "invert": True},
    "post_processor": None,
}
ROWS_AT_A_TIME = 1024
FEWEST_CHARACTERS = 1_500
SEPARATOR = "\n"
_MASKS = np.array([(1 << 8 * length) - 1 for length in range(BYTES_PER_KEY + 1)], dtype=np.uint64)


@dataclass(frozen=True, eq=False, kw_only=True)
class WordEncoder:
    """Does what `tokenizers` does with such a file, for texts that are simple (see encoders.word_cuts)."""

    vocabulary: Mapping[str, int]
    unknown: int
    short: WordTable
    long: WordTable

    def encode(self, texts: Sequence[str]) -> TokenRows:
        """The token numbers of simple texts, not cut to any length."""
        if sum(map(len, texts)) < FEWEST_CHARACTERS:  # below, the calls to numpy cost more than they save
            return TokenRows.of([self._row(text) for text in texts])
        starts = range(0, len(texts), ROWS_AT_A_TIME)
        return TokenRows.joined([self._column(texts[start : start + ROWS_AT_A_TIME]) for start in starts])

    def _row(self, text: str) -> list[int]:
        return [self.vocabulary.get(piece, self.unknown) for piece in cut_row(text)]

    def _column(self, texts: Sequence[str]) -> TokenRows:
        text_bytes = lower_bytes(SEPARATOR.join(texts) + 2 * BYTES_PER_KEY * SEPARATOR)
        starts, ends = cut_column(text_bytes)
        # Where each text and its separator end: a row owns the pieces that start before that and after the row above.
        row_ends = np.cumsum(np.fromiter(map(len, texts), dtype=np.int64, count=len(texts)) + len(SEPARATOR))
        bounds = np.concatenate([[0], np.searchsorted(starts, row_ends)])
        return TokenRows(self._numbers(text_bytes, starts, ends), bounds)

    def _numbers(self, text_bytes: bytes, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """The numbers of the pieces; `text_bytes` goes on for 16 bytes after the last of them."""
        lengths = ends - starts
        # Every window of 8 bytes as one integer, without a copy: windows overlap, as the stride is one byte.
        eights = np.ndarray(len(text_bytes) - BYTES_PER_KEY + 1, dtype="<u8", buffer=text_bytes, strides=(1,))
        first_keys = eights[starts]
        # A mask keeps the bytes of the piece itself; a longer piece keeps all 8, and is looked up again below.
        numbers = self.short.find((first_keys & _MASKS.take(lengths, mode="clip"))[None])
        long_pieces = np.flatnonzero(lengths > BYTES_PER_KEY)
        second_keys = eights[starts[long_pieces] + BYTES_PER_KEY] & _MASKS.take(
            lengths[long_pieces] - BYTES_PER_KEY, mode="clip"
        )
        numbers[long_pieces] = self.long.find(np.stack([first_keys[long_pieces], second_keys]))
        numbers[lengths > 2 * BYTES_PER_KEY] = UNSETTLED
        for row in np.flatnonzero(numbers == UNSETTLED).tolist():
            piece = text_bytes[starts[row] : ends[row]].decode("latin-1")
            numbers[row] = self.vocabulary.get(piece, self.unknown)
        return numbers


def read_word_encoder(file: Path) -> WordEncoder | None:
    """The encoder for a tokenizer.json; none unless its content shows that it works by exactly the rules known here."""
    content = json.loads(file.read_text(encoding="utf-8"))
    model = content["model"]
    if model.get("type") != "WordLevel" or any(content.get(rule) != setting for rule, setting in RULES.items()):
        return None
    unknown = model["vocab"].get(model["unk_token"])
    if unknown is None:
        return None
    short_words, long_words = word_tables(model["vocab"], unknown=unknown)
    return WordEncoder(vocabulary=model["vocab"], unknown=unknown, short=short_words, long=long_words)
