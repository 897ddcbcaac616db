"""The pieces of words, asked of a tokenizer once and looked up for whole arrays of words after that."""

from collections.abc import Mapping, Sequence
from threading import Lock

import numpy as np
from tokenizers import Tokenizer

from encoders.token_rows import TokenRows
from encoders.word_table import UNSETTLED, find_words, word_tables

MOST_LEARNED_BYTES = 1 << 26  # of words and pieces; more, and all are forgotten: misspelt words have no end
BYTES_A_WORD, BYTES_A_PIECE = 600, 44  # in two dictionaries, a table of up to 16 slots a word, and a list
MOST_UNTABLED = 50_000  # lookups one by one, which then have cost as much as laying out the tables anew
FEW_WORDS = 8


class PieceMemory:
    """The tokens of words, which are bytes without a zero byte; those of the vocabulary need not be asked for.

    `pieces` holds a word's tokens. For arrays of words `rows` holds them by its number in `numbers`, and the tables
    most of these numbers; what was learned last is `unlaid`.
    """

    def __init__(self, tokenizer: Tokenizer, vocabulary: Mapping[bytes, Sequence[int]]) -> None:
        self.tokenizer, self.vocabulary, self.lock = tokenizer, dict(vocabulary), Lock()
        self.rows, self.unlaid = TokenRows.of([]), list[bytes]()
        self._forget()

    def __reduce__(self) -> tuple[type["PieceMemory"], tuple[Tokenizer, dict[bytes, Sequence[int]]]]:
        """A copy has learned nothing."""
        return PieceMemory, (self.tokenizer, self.vocabulary)

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
            self._lay()
            settled = np.fromiter(map(self.numbers.__getitem__, words), np.int64, len(words))
            self.untabled += int((settled >= self.tabled).sum())
            numbers[unsettled] = settled
            return self.rows.take(numbers)

    def _make_room(self) -> None:
        if self.learned_bytes > MOST_LEARNED_BYTES:
            self._forget()
        elif self.untabled > MOST_UNTABLED:
            self._table()

    def _learn(self, words: Sequence[bytes]) -> None:
        """Ask for the words that nothing is known of."""
        new_words = [word for word in dict.fromkeys(words) if word not in self.pieces]
        if not new_words:
            return
        texts = [word.decode() for word in new_words]
        if len(texts) < FEW_WORDS:  # for which a batch takes longer
            encodings = [self.tokenizer.encode(text, add_special_tokens=False) for text in texts]
        else:
            encodings = self.tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        pieces = [encoding.ids for encoding in encodings]
        self.unlaid += new_words  # before they are in use, so that none of those is left out
        self.pieces |= zip(new_words, pieces, strict=True)
        sizes = (sum(map(len, new_words)), BYTES_A_WORD * len(new_words), BYTES_A_PIECE * sum(map(len, pieces)))
        self.learned_bytes += sum(sizes)

    def _lay(self) -> None:
        """Give numbers to the words that have none, and lay their pieces behind the others."""
        words = [word for word in dict.fromkeys(self.unlaid) if word not in self.numbers and word in self.pieces]
        if words:
            rows = TokenRows.joined([self.rows, TokenRows.of([self.pieces[word] for word in words])])
            numbers = zip(words, range(len(self.rows), len(rows)), strict=True)
            self.rows = rows  # an interrupt between the two leaves pieces of which no word has the number
            self.numbers |= numbers
        self.unlaid = []

    def _forget(self) -> None:
        self.pieces: dict[bytes, Sequence[int]] = dict(self.vocabulary)
        self.numbers = {word: number for number, word in enumerate(self.pieces)}
        self.rows = TokenRows.of(list(self.pieces.values()))
        self.unlaid = []
        self.learned_bytes = 0
        self._table()

    def _table(self) -> None:
        self.tables = word_tables(self.numbers, unknown=UNSETTLED)
        self.tabled, self.untabled = len(self.rows), 0
