"""Cuts lower-case Latin-1 bytes into words and signs, by byte tables where a tokenizer would run its pattern."""

import re
import unicodedata
from collections.abc import Iterable

import numpy as np

SPACE, WORD, SIGN = 0, 1, 2
SPACES = "\t\n\v\f\r \x85\xa0"


def is_simple(text: str) -> bool:
    """Whether each character is a single Latin-1 character after NFKC and lower-casing too."""
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


def cut_column(lowered: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Where the words and signs of many texts start and end, each int64 (pieces,).

    `lowered` holds the texts, each followed by white space, at least three bytes of it after the last.
    """
    letters = np.frombuffer(lowered, dtype=np.uint8)
    kinds = np.frombuffer(lowered.translate(_KINDS), dtype=np.uint8)
    cuts = np.empty(len(kinds) + 1, dtype=bool)
    cuts[0] = cuts[-1] = True
    np.not_equal(kinds[1:], kinds[:-1], out=cuts[1:-1])
    cuts[:-1] |= kinds == SIGN
    _cut_contractions(letters, cuts)
    inside = kinds != SPACE
    return np.flatnonzero(cuts[:-1] & inside), np.flatnonzero(cuts[1:] & inside) + 1


def _cut_contractions(letters: np.ndarray, cuts: np.ndarray) -> None:
    """Make one piece of each n't, 's, 'm, 'd, 'll, 're and 've, wherever it stands.

    The pattern finds every one of them: an apostrophe belongs to no other piece, and two of them share no letter.
    """
    quotes = np.flatnonzero(letters == ord("'"))
    before, after, second = letters[quotes - 1], letters[quotes + 1], letters[quotes + 2]
    negations = (before == ord("n")) & (after == ord("t"))
    short = (after == ord("s")) | (after == ord("m")) | (after == ord("d"))
    long = (after == ord("l")) & (second == ord("l"))
    long |= ((after == ord("r")) | (after == ord("v"))) & (second == ord("e"))
    starts = np.concatenate([quotes[negations] - 1, quotes[short], quotes[long]])
    lengths = np.repeat([3, 2, 3], [negations.sum(), short.sum(), long.sum()])
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
