"""Token numbers of texts by whole columns of bytes, for the word-level tokenizers of which it knows all rules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from encoders.token_rows import TokenRows
from encoders.word_cuts import all_simple, bounds_of_rows, cut_column, cut_row, is_simple, lower_bytes
from encoders.word_table import BYTES_PER_KEY, UNSETTLED, WordTables, find_words, word_tables

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


@dataclass(frozen=True, eq=False, kw_only=True)
class WordEncoder:
    """Does what `tokenizers` does with such a file, for texts that are simple (see encoders.word_cuts)."""

    vocabulary: Mapping[str, int]
    unknown: int
    tables: WordTables

    def takes(self, text: str) -> bool:
        """Whether a text is simple."""
        return is_simple(text)

    def encode(self, texts: Sequence[str], longest: int) -> TokenRows | None:
        """The token numbers of texts, cut to `longest`; none unless all of them are simple."""
        if not all_simple(texts):
            return None
        if sum(map(len, texts)) < FEWEST_CHARACTERS:  # below, the calls to numpy cost more than they save
            return TokenRows.of([self._row(text)[:longest] for text in texts])
        starts = range(0, len(texts), ROWS_AT_A_TIME)
        parts = [self._column(texts[start : start + ROWS_AT_A_TIME]) for start in starts]
        return TokenRows.joined(parts).cut(longest)

    def _row(self, text: str) -> list[int]:
        return [self.vocabulary.get(piece, self.unknown) for piece in cut_row(text)]

    def _column(self, texts: Sequence[str]) -> TokenRows:
        text_bytes = lower_bytes(SEPARATOR.join(texts) + 2 * BYTES_PER_KEY * SEPARATOR)
        starts, ends = cut_column(text_bytes)
        return TokenRows(self._numbers(text_bytes, starts, ends), bounds_of_rows(starts, texts))

    def _numbers(self, text_bytes: bytes, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """The numbers of the pieces; `text_bytes` goes on for 16 bytes after the last of them."""
        numbers = find_words(self.tables, text_bytes, starts, ends)
        for row in np.flatnonzero(numbers == UNSETTLED).tolist():
            piece = text_bytes[starts[row] : ends[row]].decode("latin-1")
            numbers[row] = self.vocabulary.get(piece, self.unknown)
        return numbers


def word_encoder_of(content: Mapping[str, Any]) -> WordEncoder | None:
    """The encoder for what a tokenizer.json holds; none unless this shows exactly the rules known here."""
    model = content["model"]
    if model.get("type") != "WordLevel" or any(content.get(rule) != setting for rule, setting in RULES.items()):
        return None
    unknown = model["vocab"].get(model["unk_token"])
    if unknown is None:
        return None
    latin = {word.encode("latin-1"): number for word, number in model["vocab"].items() if _is_latin(word)}
    return WordEncoder(vocabulary=model["vocab"], unknown=unknown, tables=word_tables(latin, unknown=unknown))


def _is_latin(word: str) -> bool:
    return word.isascii() or max(word) <= "\xff"
