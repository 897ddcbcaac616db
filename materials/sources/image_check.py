"""What is odd about images: those that cannot be read, are converted, or stand under two labels or in two parts."""

import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from materials.errors import RequestError, in_one_line
from materials.modalities import ImageFile
from materials.report import Report
from materials.rows import Source, Table
from materials.sources.image_array import is_row
from materials.sources.image_file import check_size

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_NAMES = 3
USUAL_MODE = "RGB"
# What Pillow calls an image's mode, in words.
MODES = {
    "1": "black and white",
    "L": "grey",
    "LA": "grey with transparency",
    "I;16": "grey of 16 bits, of which the upper 8 are kept",
    "P": "with a palette",
    "RGBA": "with transparency, which is dropped",
    "CMYK": "in CMYK",
}
# A phone's picture may hold a second one, such as a preview, and is not animated.
STILL_FORMATS = ("MPO",)
PARTS = ("train", "validation", "test")


@dataclass(frozen=True, kw_only=True)
class Look:
    """What one look at an image told: the fault for which it cannot be read, its mode, and its number of frames."""

    fault: str | None = None
    mode: str = USUAL_MODE
    frames: int = 1


USUAL = Look()
Looks = dict[str, Look]
"""The looks at all images that are not usual, by the SHA-256 of their content."""


def look_at_images(images: Sequence[ImageFile], report: Report, *, decodes: bool = True) -> Looks:
    """Look at every image once. Without `decodes` headers are read alone, which tell nothing of truncated files.

    Raises RequestError for an image of more pixels than Pillow takes for safe.
    """
    by_content = {image.sha256: image for image in images if not is_row(image.path)}
    looks = {}
    for number, (sha256, image) in enumerate(by_content.items(), 1):
        look = _look(image.path, decodes=decodes)
        if look != USUAL:
            looks[sha256] = look
        report(number, len(by_content))
    return looks


def looks_as_json(looks: Looks) -> dict[str, dict[str, object]]:
    """Looks as they are stored."""
    return {sha256: asdict(look) for sha256, look in looks.items()}


def looks_from_json(content: Mapping[str, Mapping[str, object]]) -> Looks:
    """Looks as they were stored."""
    return {sha256: Look(**fields) for sha256, fields in content.items()}  # type: ignore[arg-type]


def check_images(source: Source, looks: Looks) -> Source:
    """The source less the images that cannot be learned from; its train table has the sentences on them.

    Left out are images that cannot be read, those that stand under several labels in one part, and train images that
    are validation or test images too. Raises RequestError for a class without a readable image in a part, and for one
    of which there are validation or test images alone.
    """
    tables = {part: table for part in PARTS if (table := getattr(source, part)) is not None}
    notes = _conversions([image for table in tables.values() for image in table.items], looks)
    for part, table in tables.items():
        readable = _less(table, {image.sha256 for image in table.items if _fault(image, looks)})
        notes += _unreadable(part, table, looks)
        _check_classes(part, table, readable)
        contradictory = _contradictory(readable)
        notes += _left_out(part, readable, contradictory, "stand under several labels")
        tables[part] = _less(readable, contradictory)
    train = tables["train"]
    shared, relabelled = _shared(tables)
    others = f" ({relabelled:,} of them under another label)" if relabelled else ""
    notes += _left_out("train", train, shared, f"are validation or test images too{others}")
    _check_held_out(tables)
    tables["train"] = replace(_less(train, shared), notes=(*train.notes, *notes))
    return replace(source, **tables)


def check_unlabelled(table: Table, looks: Looks) -> Table:
    """A table without labels less the images that cannot be read."""
    notes = [*_conversions(table.items, looks), *_unreadable("transfer", table, looks)]
    readable = _less(table, {image.sha256 for image in table.items if _fault(image, looks)})
    if not readable.items:
        raise RequestError(f"none of the {len(table.items):,} transfer images can be read: {_faults(table, looks)}")
    return replace(readable, notes=(*table.notes, *notes))


def _look(path: str, *, decodes: bool) -> Look:
    from PIL import Image, UnidentifiedImageError

    try:
        with Path(path).open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of what is refused here
            image = Image.open(file)
            check_size(path, image.width, image.height)
            mode, frames = image.mode, _frames(image)
            if decodes:
                image.draft(None, (1, 1))  # a JPEG file is decoded at an eighth of its size, but to its end
                image.load()
    except RequestError:
        raise
    except FileNotFoundError:
        raise RequestError(f"there is no image file {path}") from None
    except Image.DecompressionBombError as error:
        raise RequestError(f"{path} is too large: {in_one_line(error)}; make it smaller, or remove it") from None
    except UnidentifiedImageError:
        return Look(fault="no image of a known format")
    except Exception as error:  # each of Pillow's formats has errors of its own for a damaged file
        return Look(fault=in_one_line(error))
    return Look(mode=mode, frames=frames)


def _frames(image: "Image") -> int:
    return 1 if image.format in STILL_FORMATS else getattr(image, "n_frames", 1)


def _look_of(image: ImageFile, looks: Looks) -> Look:
    return looks.get(image.sha256, USUAL)


def _fault(image: ImageFile, looks: Looks) -> str | None:
    return _look_of(image, looks).fault


def _less(table: Table, left_out: set[str]) -> Table:
    """The rows whose image is none of those."""
    if not left_out:
        return table
    numbers = [number for number, image in enumerate(table.items) if image.sha256 not in left_out]
    labels = None if table.labels is None else [table.labels[number] for number in numbers]
    return replace(table, items=[table.items[number] for number in numbers], labels=labels)


def _contradictory(table: Table) -> set[str]:
    labels = defaultdict(set)
    for image, label in zip(table.items, table.labels or [], strict=False):
        labels[image.sha256].add(label)
    return {sha256 for sha256, several in labels.items() if len(several) > 1}


def _shared(tables: Mapping[str, Table]) -> tuple[set[str], int]:
    """The train images that are held out too, and how many of them have another label there."""
    held_out = {
        image.sha256: label
        for part, table in tables.items()
        if part != "train"
        for image, label in zip(table.items, table.labels or [None] * len(table.items), strict=True)
    }
    train = tables["train"]
    labels = train.labels or [None] * len(train.items)
    other_labels = sum(
        label is not None and held_out.get(image.sha256, label) not in (label, None)
        for image, label in zip(train.items, labels, strict=True)
    )
    return held_out.keys() & {image.sha256 for image in train.items}, other_labels


def _conversions(images: Sequence[ImageFile], looks: Looks) -> list[str]:
    """A sentence on the images that are converted to colours, and one on those of which the first frame is read."""
    readable = [(image, look) for image in images if not (look := _look_of(image, looks)).fault]
    modes = Counter(look.mode for _, look in readable if look.mode != USUAL_MODE)
    sentences = []
    if modes:
        kinds = ", ".join(f"{count:,} {MODES.get(mode, mode)}" for mode, count in modes.most_common())
        sentences.append(f"{modes.total():,} images are converted to red, green and blue: {kinds}")
    if animated := [image for image, look in readable if look.frames > 1]:
        sentences.append(f"of {len(animated):,} images with several frames the first is read: {_names(animated)}")
    return sentences


def _unreadable(part: str, table: Table, looks: Looks) -> list[str]:
    count = sum(_fault(image, looks) is not None for image in table.items)
    if not count:
        return []
    return [f"{count:,} {part} images cannot be read and are left out: {_faults(table, looks)}"]


def _faults(table: Table, looks: Looks) -> str:
    """The first images that cannot be read, each with its fault."""
    faults = [(image, fault) for image in table.items if (fault := _fault(image, looks))]
    named = ", ".join(f"{short_name(image)} ({fault})" for image, fault in faults[:MOST_NAMES])
    return named + (", ..." if len(faults) > MOST_NAMES else "")


def _left_out(part: str, table: Table, left_out: set[str], reason: str) -> list[str]:
    images = [image for image in table.items if image.sha256 in left_out]
    return [f"{len(images):,} {part} images {reason} and are left out: {_names(images)}"] if images else []


def _names(images: Sequence[ImageFile]) -> str:
    return ", ".join(short_name(image) for image in images[:MOST_NAMES]) + (", ..." if len(images) > MOST_NAMES else "")


def short_name(image: ImageFile) -> str:
    """The file of an image with the folder that it lies in, which is often its class."""
    return "/".join(Path(image.path).parts[-2:])


def _check_classes(part: str, table: Table, readable: Table) -> None:
    """Raise RequestError for a class of whose images none can be read."""
    if lost := sorted(_classes(table) - _classes(readable)):
        raise RequestError(f"none of the {part} images of the class '{lost[0]}' can be read; mend or remove them")


def _check_held_out(tables: Mapping[str, Table]) -> None:
    """Raise RequestError for a class that validation or test images have and train images have not."""
    train = tables["train"]
    for part, table in tables.items():
        if train.labels is not None and (extra := sorted(_classes(table) - _classes(train))):
            raise RequestError(
                f"the {part} images have the class '{extra[0]}', and no train image has it; train images have "
                f"{_listed(sorted(_classes(train)))}; add some of it, or leave the class out"
            )


def _classes(table: Table) -> set[str]:
    return {str(label) for label in table.labels or () if label is not None}


def _listed(names: Iterable[str], most: int = 12) -> str:
    every = list(names)
    return ", ".join(every[:most]) + (f" and {len(every) - most} more" if len(every) > most else "")
