"""Cuts lower-case Latin-1 bytes into words and signs, by byte tables where a tokenizer would run its pattern."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

import numpy as np

SPACE, WORD, SIGN = 0, 1, 2
SPACES = "\t\n\v\f\r \x85\xa0"


def is_simple(text: str) -> bool:
    """Whether each character is in Latin-1, and stays one Latin-1 character under NFKC and lower-casing."""
    return text.isascii() or not _OTHER.search(text)


def all_simple(texts: Iterable[str]) -> bool:
    """Whether each of the texts is simple."""
    return not any(_OTHER.search(text) for text in texts if not text.isascii())


def lower_bytes(text: str) -> bytes:
    """A simple text after NFKC and lower-casing, one byte a character."""
    return text.encode("latin-1").translate(_LOWER)


def cut_row(text: str) -> list[str]:
    """The lower-case words and signs of one simple text."""
    return _PIECE.findall(lower_bytes(text).decode("latin-1").replace("n't", " n't "))


def cut_column(text_bytes: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Where the words and signs of many texts start and end, each int64 (pieces,).

    `text_bytes` holds the texts, each followed by white space, at least three bytes of it after the last.
    """
    kinds = np.frombuffer(text_bytes.translate(_KINDS), dtype=np.uint8)
    cuts = cuts_between(kinds)
    _cut_contractions(np.frombuffer(text_bytes, dtype=np.uint8), cuts)
    return pieces_between(cuts, kinds)


def cuts_between(kinds: np.ndarray) -> np.ndarray:
    """Before which bytes of these kinds a cut stands, bool (bytes + 1,): where the kind changes, and around signs."""
    cuts = np.empty(len(kinds) + 1, dtype=bool)
    cuts[0] = cuts[-1] = True
    np.not_equal(kinds[1:], kinds[:-1], out=cuts[1:-1])
    cuts[:-1] |= kinds == SIGN
    return cuts


def bounds_of_rows(starts: np.ndarray, rows: Sequence[str] | Sequence[bytes]) -> np.ndarray:
    """The number of the first piece of each row and, at the end, of all pieces, int64 (rows + 1,).

    The rows lie one after the other, each with one byte of white space behind it.
    """
    # A row owns the pieces that start before its end and after the row above.
    row_ends = np.cumsum(np.fromiter(map(len, rows), dtype=np.int64, count=len(rows)) + 1)
    return np.concatenate([[0], np.searchsorted(starts, row_ends)])


def pieces_between(cuts: np.ndarray, kinds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the words and signs between the cuts start and end, each int64 (pieces,)."""
    is_piece = kinds != SPACE
    return np.flatnonzero(cuts[:-1] & is_piece), np.flatnonzero(cuts[1:] & is_piece) + 1


def _cut_contractions(letters: np.ndarray, cuts: np.ndarray) -> None:
    """Make one piece of each n't, 's, 'm, 'd, 'll, 're and 've, wherever it stands.

    The pattern finds every one of them: an apostrophe belongs to no other piece, and two of them share no letter.
    """
    quotes = np.flatnonzero(letters == ord("'"))
    # No index needs a check: -1 is the white space at the end, of which three bytes follow the last apostrophe.
    previous, following, next_but_one = letters[quotes - 1], letters[quotes + 1], letters[quotes + 2]
    negations = (previous == ord("n")) & (following == ord("t"))
    has_one_letter = (following == ord("s")) | (following == ord("m")) | (following == ord("d"))
    has_two_letters = (following == ord("l")) & (next_but_one == ord("l"))
    has_two_letters |= ((following == ord("r")) | (following == ord("v"))) & (next_but_one == ord("e"))
    starts = np.concatenate([quotes[negations] - 1, quotes[has_one_letter], quotes[has_two_letters]])
    lengths = np.repeat([3, 2, 3], [negations.sum(), has_one_letter.sum(), has_two_letters.sum()])
    # A cut stands before its byte; pieces of at most three bytes have no inner cuts but before the second and the last.
    cuts[starts + 1] = cuts[starts + lengths - 1] = False
    cuts[starts] = cuts[starts + lengths] = True


def _lowered(character: str) -> str:
    return unicodedata.normalize("NFKC", character).lower()


def _kind(character: str) -> int:
    if character in SPACES:
        return SPACE
    return WORD if character.isalnum() or character == "_" else SIGN


_LATIN = [chr(code) for code in range(256)]
_SIMPLE = [character for character in _LATIN if len(_lowered(character)) == 1 and _lowered(character) in _LATIN]
_OTHER = re.compile(f"[^{re.escape(''.join(_SIMPLE))}]")
_LOWER = bytes(ord(_lowered(character)) if character in _SIMPLE else 0 for character in _LATIN)
_KINDS = bytes(_kind(character) for character in _LATIN)
_LETTERS = re.escape("".join(character for character in _LATIN if _kind(character) == WORD))
_PIECE = re.compile(f"n't|'(?:s|m|d|ll|re|ve)|[{_LETTERS}]+|[^{_LETTERS}{re.escape(SPACES)}]")
