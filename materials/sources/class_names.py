"""Class names that a user gives: with descriptions, or in place of the names of folders and of class numbers."""

import csv
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from materials.errors import RequestError
from materials.rows import Source, Table

MOST_CLASSES, MOST_LISTED = 1_000, 12
# What the first column of a file of new names may be called.
HEADERS = ("folder", "directory", "class", "label", "number", "id", "wnid", "synset")

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


def read_new_names(path: Path) -> dict[str, str]:
    """The class names of a CSV or TSV file of two columns, by the folder names or numbers in the first of them.

    Raises RequestError for a file that is not there or has other columns, and for folders or names that stand twice.
    """
    if not path.is_file():
        raise RequestError(f"there is no file {path} of class names; expected the columns folder and class name")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise RequestError(f"{path} is not UTF-8 ({error.reason} at byte {error.start}); convert it first") from None
    separator = "\t" if "\t" in text.split("\n", 1)[0] else ","
    rows = [[cell.strip() for cell in row] for row in csv.reader(text.splitlines(), delimiter=separator)]
    pairs = [(number, row) for number, row in enumerate(rows, 1) if any(row)]
    if wrong := [number for number, row in pairs if len(row) != 2 or not all(row)]:
        raise RequestError(f"line {wrong[0]} of {path} is not a folder and a class name, with a comma or tab between")
    for column, noun in enumerate(("folder", "class name")):
        counts = Counter(row[column] for _, row in pairs)
        if twice := [cell for cell, count in counts.items() if count > 1]:
            raise RequestError(f"the {noun} '{twice[0]}' stands twice in {path}; each stands once")
    return {folder: name for _, (folder, name) in pairs}


def renamed(source: Source, new_names: Mapping[str, str], path: Path) -> Source:
    """The source with new names in place of its classes, which are the names of folders or numbers.

    The first line of the file `path` may be a header, such as folder,name. Raises RequestError for a class without a
    new name, and for a new name without a class.
    """
    tables = {part: table for part in ("train", "validation", "test") if (table := getattr(source, part)) is not None}
    classes = {str(label) for table in tables.values() for label in table.labels or ()}
    if missing := sorted(classes - set(new_names)):
        raise RequestError(f"{path} has no name for the class '{missing[0]}' of the data; it has {_some(new_names)}")
    unknown_classes = [
        name
        for number, name in enumerate(new_names)
        if name not in classes and not (number == 0 and name.casefold() in HEADERS)
    ]
    if unknown_classes:
        raise RequestError(f"{path} names the class '{unknown_classes[0]}', which the data has not: {_some(classes)}")
    return Source(**{part: _renamed(table, new_names) for part, table in tables.items()})


def _renamed(table: Table, new_names: Mapping[str, str]) -> Table:
    labels = None if table.labels is None else [new_names[str(label)] for label in table.labels]
    return replace(table, labels=labels)


def _some(names: Iterable[str]) -> str:
    every = sorted(names)
    return ", ".join(every[:MOST_LISTED]) + (", ..." if len(every) > MOST_LISTED else "")


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
