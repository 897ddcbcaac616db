"""The scripts that texts are written in, as Unicode names their letters."""

import unicodedata
from collections import Counter
from collections.abc import Iterable
from functools import cache

NO_LETTERS = "no letters"
NAMES = {"Cjk": "Han"}  # what Unicode calls a script in the names of its letters, where it is known by another


def scripts_of(texts: Iterable[str]) -> Counter[str]:
    """How many texts are written in each script: that of most of their letters."""
    return Counter(map(_script_of, texts))


def _script_of(text: str) -> str:
    if text.isascii():
        return "Latin" if any(map(str.isalpha, text)) else NO_LETTERS
    letters = Counter(script for letter in text if (script := _script_of_letter(letter)))
    return letters.most_common(1)[0][0] if letters else NO_LETTERS


@cache
def _script_of_letter(letter: str) -> str | None:
    """The first word of a letter's name, such as LATIN SMALL LETTER A; none for what is no letter."""
    # Full-width and other compatible forms are those of the letters that they stand for.
    plain = unicodedata.normalize("NFKC", letter)[:1]
    if not plain.isalpha():
        return None
    word = unicodedata.name(plain, "unknown").partition(" ")[0].partition("-")[0].title()
    return NAMES.get(word, word)
