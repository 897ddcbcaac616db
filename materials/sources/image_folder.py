"""A folder of images: a folder for each part, and in it a folder for each class."""

from pathlib import Path

from materials.errors import RequestError
from materials.files import files_below
from materials.modalities import ImageFile
from materials.rows import Source, Table

SUFFIXES = (".jpeg", ".jpg", ".png", ".bmp", ".webp")
TRAIN, VALIDATION, TEST = ("train",), ("val", "valid", "validation"), ("test",)
MOST_NAMES = 3


def is_image_folder(name: str) -> bool:
    """Whether a recipe's name for its data means a folder: one is there, or the name ends in a slash."""
    return name.endswith("/") or Path(name).is_dir()


def is_part(name: str) -> bool:
    """Whether a folder of this name holds the images of a part."""
    return name.lower() in (*TRAIN, *VALIDATION, *TEST)


def read_image_folder(folder: Path) -> Source:
    """The images of `train/`, `val/` and `test/`, labelled by the names of their folders; or of class folders alone.

    Where there is no `test/`, `val/` holds the test rows, as in the published data sets that have these two parts.
    Raises RequestError for a folder without class folders, and for a class without an image.
    """
    if not folder.is_dir():
        raise RequestError(
            f"there is no folder {folder}; expected one with train/, and in it a folder for each class (--data FOLDER)"
        )
    train, validation, test = (_part(folder, names) for names in (TRAIN, VALIDATION, TEST))
    if train is None and (held_out := validation or test):
        raise RequestError(f"{folder} has {held_out.name}/ but no train/; add it, or give another folder")
    if train is None:
        return Source(train=_read(folder))
    if test is None:
        return Source(train=_read(train), test=_read(validation) if validation else None)
    return Source(train=_read(train), validation=_read(validation) if validation else None, test=_read(test))


def read_images(folder: Path) -> Table:
    """All images below a folder, without labels. Raises RequestError where there is none."""
    shown = [file for file in files_below(folder) if _is_shown(file, folder)]
    images = [file for file in shown if file.suffix.lower() in SUFFIXES]
    if not images:
        raise RequestError(f"{folder} holds no images ({', '.join(SUFFIXES)})")
    others = [file for file in shown if file.suffix.lower() not in SUFFIXES]
    items = [ImageFile.at(file) for file in images]
    return Table(items=items, labels=None, modality="image", notes=_said(folder, others, ""))


def _part(folder: Path, names: tuple[str, ...]) -> Path | None:
    """The folder of a part, whatever the case of its name. Raises RequestError for several."""
    parts = sorted(path for path in folder.iterdir() if path.is_dir() and path.name.lower() in names)
    if len(parts) > 1:
        raise RequestError(f"{folder} has {' and '.join(f'{part.name}/' for part in parts)}; leave one of them")
    return parts[0] if parts else None


def _read(folder: Path) -> Table:
    classes = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if not classes:
        raise RequestError(f"{folder} holds no folders; expected one for each class, with its images")
    items, labels = [], []
    for path in classes:
        images = _images_below(path)
        if not images:
            raise RequestError(f"{path} holds no images ({', '.join(SUFFIXES)}); add some, or remove the folder")
        items += [ImageFile.at(file) for file in images]
        labels += [path.name] * len(images)
    return Table(items=items, labels=labels, modality="image", notes=_left_out(folder, classes))


def _left_out(folder: Path, classes: list[Path]) -> tuple[str, ...]:
    """A sentence on the shown files that are no images, or that lie in no folder of a class."""
    others = [file for file in folder.iterdir() if _is_shown(file, folder)]
    others += [
        file
        for path in classes
        for file in files_below(path)
        if file.suffix.lower() not in SUFFIXES and _is_shown(file, path)
    ]
    return _said(folder, others, " or lie in no folder of a class")


def _said(folder: Path, left_out: list[Path], other_reason: str) -> tuple[str, ...]:
    """A sentence on the files below a folder that are left out; none without any."""
    if not left_out:
        return ()
    names = ", ".join(sorted(file.name for file in left_out)[:MOST_NAMES])
    names += ", ..." if len(left_out) > MOST_NAMES else ""
    count, suffixes = len(left_out), ", ".join(SUFFIXES)
    return (f"{count:,} files below {folder} are left out, as they are no images ({suffixes}){other_reason}: {names}",)


def _images_below(folder: Path) -> list[Path]:
    return [file for file in files_below(folder) if file.suffix.lower() in SUFFIXES and _is_shown(file, folder)]


def holds_images(folder: Path) -> bool:
    """Whether images lie in a folder itself."""
    return any(file.suffix.lower() in SUFFIXES and _is_shown(file, folder) for file in folder.iterdir())


def _is_shown(file: Path, folder: Path) -> bool:
    """Whether a path is a file that no part of its name hides."""
    return file.is_file() and not any(part.startswith(".") for part in file.relative_to(folder).parts)
