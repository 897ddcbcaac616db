"""The pieces of words, asked of a tokenizer once and looked up for whole arrays of words after that."""

from collections.abc import Mapping, Sequence
from threading import Lock

import numpy as np
from tokenizers import Tokenizer

from encoders.token_rows import TokenRows
from encoders.word_table import UNSETTLED, find_words, word_tables

MOST_LEARNED_BYTES = 1 << 24  # of words and pieces; more, and all are forgotten: a corpus has no end of misspelt words
BYTES_A_PIECE = 8
MOST_UNTABLED = 50_000  # lookups one by one, which then have cost as much as laying out the tables anew


class PieceMemory:
    """The tokens of words, which are bytes without a zero byte; those of `known` words need not be asked for.

    A word's tokens are in `pieces`, and in `rows` by its number in `numbers`; the tables hold most of these.
    """

    def __init__(self, tokenizer: Tokenizer, known: Mapping[bytes, Sequence[int]]) -> None:
        self.tokenizer, self.known, self.lock = tokenizer, dict(known), Lock()
        self.rows = TokenRows.of([])
        self._forget()

    def pieces_of(self, words: Sequence[bytes]) -> list[Sequence[int]]:
        """The tokens of each word."""
        try:
            return [self.pieces[word] for word in words]  # which only grow, or are others altogether
        except KeyError:
            with self.lock:
                self._make_room()
                self._learn(words)
                return [self.pieces[word] for word in words]

    def find(self, text_bytes: bytes, starts: np.ndarray, ends: np.ndarray) -> TokenRows:
        """The tokens of the words between these places; `text_bytes` goes on for 16 bytes after the last of them."""
        with self.lock:
            self._make_room()
            numbers = find_words(self.tables, text_bytes, starts, ends)
            unsettled = np.flatnonzero(numbers == UNSETTLED)
            places = zip(starts[unsettled].tolist(), ends[unsettled].tolist(), strict=True)
            words = [text_bytes[start:end] for start, end in places]
            self._learn(words)
            numbers[unsettled] = found = np.fromiter(map(self.numbers.__getitem__, words), np.int64, len(words))
            self.untabled += int((found >= self.tabled).sum())
            return self.rows.take(numbers)

    def _make_room(self) -> None:
        if self.learned_bytes > MOST_LEARNED_BYTES:
            self._forget()
        elif self.untabled > MOST_UNTABLED:
            self._table()

    def _learn(self, words: Sequence[bytes]) -> None:
        new = [word for word in dict.fromkeys(words) if word not in self.pieces]
        if not new:
            return
        encodings = self.tokenizer.encode_batch_fast([word.decode() for word in new], add_special_tokens=False)
        pieces = [encoding.ids for encoding in encodings]
        self.numbers |= zip(new, range(len(self.numbers), len(self.numbers) + len(new)), strict=True)
        self.pieces |= zip(new, pieces, strict=True)
        self.learned_bytes += sum(map(len, new)) + BYTES_A_PIECE * sum(map(len, pieces))
        self.rows = TokenRows.joined([self.rows, TokenRows.of(pieces)])

    def _forget(self) -> None:
        self.pieces: dict[bytes, Sequence[int]] = dict(self.known)
        self.numbers = {word: number for number, word in enumerate(self.pieces)}
        self.rows = TokenRows.of(list(self.pieces.values()))
        self.learned_bytes = 0
        self._table()

    def _table(self) -> None:
        self.tables = word_tables(self.numbers, unknown=UNSETTLED)
        self.tabled, self.untabled = len(self.numbers), 0
