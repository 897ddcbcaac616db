"""What a tokenizer does to each character, found by asking it, as tables that a graph of operators can hold."""

import json
import re
import sys
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from tokenizers import Regex, Tokenizer, pre_tokenizers

from encoders.word_encoder import RULES
from materials.errors import RequestError

NORMALIZERS = ("BertNormalizer", "Lowercase", "NFC", "NFD", "NFKC", "NFKD", "StripAccents")
WITH_MARKS = ".[\u0300-\u036f\u3099\u309a]+"
GONE = "\ufdd1"  # no character, by the Unicode standard
LONG_RUN = 512
ASCII = [chr(code) for code in range(128)]


@dataclass(frozen=True, kw_only=True)
class Cuts:
    """How a pre-tokenizer cuts: around each of `signs`, at `spaces`; a match of `together` is one sign."""

    signs: pre_tokenizers.PreTokenizer
    spaces: pre_tokenizers.PreTokenizer
    together: str


@dataclass(frozen=True, eq=False, kw_only=True)
class CharacterRules:
    """The tables; a character that is not in one stays as it is.

    `composed` maps characters with combining marks to single ones. Then `normal` maps a character to what the
    normalizer makes of it; `spaced` also parts signs from words by spaces, and has GONE for what vanishes.
    `long_removed` and `long_signs` are classes of characters in runs too long for a table; the classes of ASCII
    characters, and the pattern `together`, are for texts after all that. An empty class is "".
    """

    composed: Mapping[str, str]
    looked_up: str
    normal: Mapping[str, str]
    spaced: Mapping[str, str]
    long_removed: str
    long_signs: str
    lowers: bool
    ascii_removed: str
    ascii_spaces: str
    ascii_signs: str
    together: str

    def normalized(self, text: str) -> str:
        """What the graph makes of a text in the normalizer's place, before it is cut."""
        if self.composed:
            text = re.sub(WITH_MARKS, lambda match: self.composed.get(match[0], match[0]), text)
        return "".join(self.normal.get(character, character) for character in text)


def read_character_rules(content: Mapping[str, Any]) -> CharacterRules:
    """The tables of the tokenizer whose tokenizer.json has this content; the first time, it takes some seconds.

    Raises RequestError when its normalizer or pre-tokenizer is not known to work by single characters.
    """
    steps = {name: content[name] for name in ("normalizer", "pre_tokenizer")}
    _check_normalizer(steps["normalizer"])
    return _ask(json.dumps({**steps, "model": {"type": "WordLevel", "vocab": {}, "unk_token": ""}}))


@lru_cache(maxsize=4)
def _ask(steps: str) -> CharacterRules:
    """The tables of a tokenizer whose tokenizer.json holds these steps only."""
    tokenizer = Tokenizer.from_str(steps)
    cuts = _cuts(json.loads(steps)["pre_tokenizer"])
    # All characters but the surrogates, which UTF-8 cannot hold.
    characters = "".join(map(chr, (*range(0xD800), *range(0xE000, sys.maxunicode + 1))))
    signs, spaces = (_removed_by(cutter, characters) for cutter in (cuts.signs, cuts.spaces))
    normalize = tokenizer.normalizer.normalize_str if tokenizer.normalizer else str
    # Whether a letter and its mark become one character, which no table of single characters can do.
    composes = normalize("e\u0301") != normalize("e") + normalize("\u0301")
    normal = {character: replacement for character in characters if (replacement := normalize(character)) != character}
    replacements = _spaced(characters, normal, signs, spaces)
    long_removed = _long_runs(character for character, replacement in replacements.items() if replacement == GONE)
    long_signs = _long_runs(
        character for character, replacement in replacements.items() if replacement == f" {character} "
    )
    in_long_runs = long_removed | long_signs
    lowers = normalize("A") == "a"
    return CharacterRules(
        composed=dict(_composed(characters)) if composes else {},
        looked_up="[^\\x00-\\x7f]" + ("|[A-Z]" if lowers else ""),
        normal=normal,
        spaced={
            character: replacement for character, replacement in replacements.items() if character not in in_long_runs
        },
        long_removed=_class(long_removed),
        long_signs=_class(long_signs),
        lowers=lowers,
        ascii_removed=_class({character for character in ASCII if normal.get(character) == ""}),
        ascii_spaces=_class({character for character in ASCII if normal.get(character, character) in spaces} - {" "}),
        ascii_signs=_class({character for character in ASCII if character in signs}),
        together=cuts.together,
    )


def _cuts(pre_tokenizer: Mapping[str, Any] | None) -> Cuts:
    if pre_tokenizer == RULES["pre_tokenizer"]:
        return Cuts(
            signs=pre_tokenizers.Split(Regex(r"[^\s\p{L}\p{N}_]"), behavior="removed"),
            spaces=pre_tokenizers.Split(Regex(r"\s"), behavior="removed"),
            together="n't|'(?:s|m|d|ll|re|ve)",
        )
    if pre_tokenizer == {"type": "BertPreTokenizer"}:
        spaces = pre_tokenizers.WhitespaceSplit()
        return Cuts(signs=pre_tokenizers.Punctuation(behavior="removed"), spaces=spaces, together="")
    name = pre_tokenizer["type"] if pre_tokenizer else "none"
    raise RequestError(f"its pre_tokenizer '{name}' has no operators; known: BertPreTokenizer, the students' Split")


def _check_normalizer(normalizer: Mapping[str, Any] | None) -> None:
    for step in _steps(normalizer):
        if step not in NORMALIZERS:
            raise RequestError(f"its normalizer '{step}' has no operator; known: {', '.join(NORMALIZERS)}")


def _steps(normalizer: Mapping[str, Any] | None) -> Iterator[str]:
    if normalizer and normalizer["type"] == "Sequence":
        for part in normalizer["normalizers"]:
            yield from _steps(part)
    elif normalizer:
        yield normalizer["type"]


def _removed_by(cutter: pre_tokenizers.PreTokenizer, characters: str) -> set[str]:
    """The characters that a pre-tokenizer removes from a text of all `characters`."""
    removed_characters = set(characters)
    for piece, _ in cutter.pre_tokenize_str(characters):
        removed_characters.difference_update(piece)
    return removed_characters


def _composed(characters: str) -> Iterator[tuple[str, str]]:
    """Pairs of a sequence with combining marks and its one character: all marks apart, and only the last one apart."""
    for character in characters:
        decomposition = unicodedata.decomposition(character)
        if decomposition and not decomposition.startswith("<"):
            last_apart = "".join(chr(int(code, 16)) for code in decomposition.split())
            for sequence in (unicodedata.normalize("NFD", character), last_apart):
                if re.fullmatch(WITH_MARKS, sequence):
                    yield sequence, character


def _spaced(characters: str, normal: Mapping[str, str], signs: set[str], spaces: set[str]) -> dict[str, str]:
    """What each character becomes, for those that change; ASCII signs and spaces are left to later patterns."""

    def with_spaces(character: str) -> str:
        if character.isascii():
            return character
        return " " if character in spaces else f" {character} " if character in signs else character

    replacements = {
        character: "".join(map(with_spaces, normal.get(character, character))) or GONE
        for character in characters
        if (character in normal or character in signs or character in spaces)
        and (not character.isascii() or character.isalpha())
    }
    return {character: replacement for character, replacement in replacements.items() if replacement != character}


def _long_runs(characters: Iterator[str]) -> set[str]:
    """The characters in runs of at least LONG_RUN neighbouring code points. Expects them in order."""
    runs: list[list[str]] = []
    for character in characters:
        if not runs or ord(character) != ord(runs[-1][-1]) + 1:
            runs.append([])
        runs[-1].append(character)
    return {character for run in runs if len(run) >= LONG_RUN for character in run}


def _class(characters: Collection[str]) -> str:
    """A class of RE2 for these characters; "" for none."""
    bounds: list[list[int]] = []
    for code in sorted(map(ord, characters)):
        if not bounds or code != bounds[-1][1] + 1:
            bounds.append([code, code])
        bounds[-1][1] = code
    return "[" + "".join(f"\\x{{{first:x}}}-\\x{{{last:x}}}" for first, last in bounds) + "]" if bounds else ""
