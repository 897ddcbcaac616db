"""Class names that a user gives: one a line in a file, or in a recipe, each with one or several descriptions."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

MOST_CLASSES = 1_000

Descriptions = dict[str, tuple[str, ...]]
"""For each class name, in the order of a model's outputs, what stands in a template's place."""


def descriptions_of(value: Any) -> Descriptions:
    """The classes of a file with a name a line, of a list of names, or of names with one or several descriptions each.

    A name without a description describes itself. Raises ValueError for fewer than two classes or more than 1,000, and
    for names or descriptions that are empty or stand twice.
    """
    if isinstance(value, str):
        value = _names_in(Path(value))
    if isinstance(value, Mapping):
        pairs = [(_name(name), _name(name) if text is None else text) for name, text in value.items()]
    elif isinstance(value, Sequence):
        pairs = [(_name(name), _name(name)) for name in value]
    else:
        raise ValueError(f"expected a file, a list of names, or names with descriptions; got {value!r:.60}")
    described: Descriptions = {}
    for name, text in pairs:
        if name in described:
            raise ValueError(f"the class '{name}' stands twice; each counts once")
        described[name] = _list(text)
    _check(described)
    return described


def _names_in(path: Path) -> list[str]:
    if not path.is_file():
        raise ValueError(f"there is no file {path} of class names; expected one name a line")
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 ({error.reason} at byte {error.start}); convert it first") from None
    return [line.strip() for line in lines if line.strip()]


def _name(name: Any) -> str:
    if isinstance(name, bool):
        raise ValueError(f"a class name is a text, and YAML reads yes, no, on and off as {name}; put it in quotes")
    if name is None or isinstance(name, dict | list) or not str(name).strip():
        raise ValueError(f"a class name is a text that is not empty; got {name!r:.60}")
    return str(name).strip()


def _list(text: Any) -> tuple[str, ...]:
    texts = tuple(map(_name, text)) if isinstance(text, list | tuple) else (_name(text),)
    if len(set(texts)) < len(texts) or not texts:
        raise ValueError(f"a class has one description or several different ones; got {text!r:.60}")
    return texts


def _check(described: Descriptions) -> None:
    if not 2 <= len(described) <= MOST_CLASSES:
        raise ValueError(f"expected 2 to {MOST_CLASSES:,} class names; got {len(described):,}")
    folded: dict[str, str] = {}
    for name, texts in described.items():
        for text in {name, *texts}:
            other = folded.setdefault(text.casefold(), name)
            if other != name:
                raise ValueError(
                    f"the classes '{other}' and '{name}' are both called '{text}'; a model cannot tell them"
                )
