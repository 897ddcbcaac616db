"""What an item is: a text, a pair of texts, or an image file. To add a kind is one entry in the table."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from materials.files import digest, sha256_of

# For each ASCII character the letter or digit that it counts as, or a space; `bytes.translate` wants 256 of them.
ASCII_WORDS = bytes(
    ord(chr(code).lower()) if code < 128 and (chr(code).isalnum() or code == ord("_")) else ord(" ")
    for code in range(256)
)

Item = Any
"""A str, a pair of them (a tuple), or an ImageFile, as the modality says."""


@dataclass(frozen=True, kw_only=True)
class ImageFile:
    """An image by its path, and the SHA-256 of the file, by which two images count as the same."""

    path: str
    sha256: str

    @classmethod
    def at(cls, path: Path) -> "ImageFile":
        """The image in a file that is there."""
        return cls(path=str(path.resolve()), sha256=sha256_of(path))


@dataclass(frozen=True, kw_only=True)
class Modality:
    """How items of one kind are told apart, named and stored.

    Two items with the same `key` count as the same. `columns` are the columns of a stored table, and `as_columns` and
    `from_columns` turn items into them and back. `as_json` and `from_json` do so for one item. Digests are taken of
    `content`, what a model sees of an item. `unit` is what items are called beside a number.
    """

    name: str
    plural: str
    unit: str
    columns: tuple[str, ...]
    key: Callable[[Item], str]
    as_json: Callable[[Item], Any]
    from_json: Callable[[Any], Item]
    content: Callable[[Item], Any]

    def as_columns(self, items: Sequence[Item]) -> dict[str, list[str]]:
        """The items as columns of strings, by the names of the columns."""
        cells = [_cells(self.as_json(item)) for item in items]
        return {name: [row[number] for row in cells] for number, name in enumerate(self.columns)}

    def from_columns(self, columns: Mapping[str, Sequence[str]]) -> list[Item]:
        """The items of stored columns."""
        rows = zip(*(columns[name] for name in self.columns), strict=True)
        return [self.from_json(row[0] if len(row) == 1 else list(row)) for row in rows]

    def digest(self, items: Sequence[Item]) -> str:
        """The digest of a sequence of items."""
        return digest([self.content(item) for item in items])


def normalised(text: str) -> str:
    """The form in which two texts count as the same: letters and digits only, case folded, single spaces."""
    if text.isascii():  # which comes to the same in a fifth of the time
        return " ".join(text.encode().translate(ASCII_WORDS).decode().split())
    return " ".join(re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold()))


def modality_of(item: Item) -> str:
    """The name of an item's modality."""
    if isinstance(item, str):
        return "text"
    return "pair" if isinstance(item, tuple) else "image"


def _text_key(text: str) -> str:
    """A text without a letter or digit, such as an emoji, is known by itself."""
    return normalised(text) or text


def _pair_key(pair: tuple[str, str]) -> str:
    # The length says where the first text ends, so that no two pairs share a key.
    first, second = map(_text_key, pair)
    return f"{len(first)} {first} {second}"


def _cells(item_json: Any) -> list[str]:
    return item_json if isinstance(item_json, list) else [item_json]


def _image_as_json(image: ImageFile) -> list[str]:
    return [image.path, image.sha256]


def _image_from_json(item_json: Sequence[str]) -> ImageFile:
    return ImageFile(path=item_json[0], sha256=item_json[1])


MODALITIES: dict[str, Modality] = {
    "text": Modality(
        name="text",
        plural="texts",
        unit="texts",
        columns=("text",),
        key=_text_key,
        as_json=lambda text: text,
        from_json=str,
        content=lambda text: text,
    ),
    "pair": Modality(
        name="pair",
        plural="pairs of texts",
        unit="pairs",
        columns=("text", "text_pair"),
        key=_pair_key,
        as_json=list,
        from_json=tuple,
        content=list,
    ),
    "image": Modality(
        name="image",
        plural="images",
        unit="images",
        columns=("image", "sha256"),
        key=lambda image: image.sha256,
        as_json=_image_as_json,
        from_json=_image_from_json,
        content=lambda image: image.sha256,
    ),
}
