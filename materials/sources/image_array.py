"""Images that lie in arrays: .npz files and IDX files become one .npy file a part, whose rows are images."""

import gzip
import hashlib
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from materials.cache.readers import note_reading
from materials.errors import RequestError, in_one_line
from materials.files import check_unpacked, check_unpacked_gz, digest, new_folder, sha256_of
from materials.modalities import ImageFile
from materials.rows import Source, Table

ROW = re.compile(r"(?P<file>.+\.npy)#(?P<row>\d+)")
# The names of images and labels in .npz files, as Keras and others write them.
NPZ_NAMES = {
    "train": (("x_train", "y_train"), ("train_images", "train_labels"), ("images", "labels")),
    "validation": (("x_val", "y_val"), ("val_images", "val_labels")),
    "test": (("x_test", "y_test"), ("test_images", "test_labels")),
}
IDX_FILE = re.compile(r"(?P<part>train|t10k)-(?P<content>images|labels)[-.]idx[13]-ubyte(\.gz)?")
IDX_PARTS = {"train": "train", "t10k": "test"}
# Two zero bytes, 8 for unsigned bytes, the number of axes; then the size of each axis, 4 bytes, the highest first.
IDX_MAGIC = {"images": b"\x00\x00\x08\x03", "labels": b"\x00\x00\x08\x01"}
FASHION_NAMES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)


@dataclass(frozen=True, kw_only=True)
class ImageArray:
    """How the arrays of one part are read: its images, uint8 (rows, height, width[, channels]), and its labels."""

    images: Callable[[], np.ndarray]
    labels: Callable[[], np.ndarray]
    where: str


def is_idx_folder(folder: Path) -> bool:
    """Whether a folder holds the IDX files of images, as MNIST and Fashion-MNIST come."""
    return folder.is_dir() and any(
        (match := IDX_FILE.fullmatch(path.name)) and match["content"] == "images" for path in folder.iterdir()
    )


def read_npz(file: Path, root: Path) -> Source:
    """The images of an .npz file, as rows of .npy files below the cache folder `root`; labels are their numbers.

    Raises RequestError for a damaged file, names that are not known, and arrays that are no images with labels.
    """
    try:
        with zipfile.ZipFile(file) as members:
            names = [name.removesuffix(".npy") for name in members.namelist()]
            check_unpacked(file, sum(member.file_size for member in members.infolist()))
    except (OSError, zipfile.BadZipFile) as error:
        raise RequestError(f"{file} cannot be read as .npz: {in_one_line(error)}") from None

    def load(name: str) -> np.ndarray:
        try:
            with file.open("rb") as opened, np.load(opened, allow_pickle=False) as arrays:
                return np.asarray(arrays[name])
        except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise RequestError(f"{name} of {file} cannot be read: {in_one_line(error)}") from None

    names_of_parts = {
        part: pair
        for part, pairs in NPZ_NAMES.items()
        if (pair := next((pair for pair in pairs if set(pair) <= set(names)), None))
    }
    if "train" not in names_of_parts:
        choices = " or ".join(" and ".join(pair) for pair in NPZ_NAMES["train"])
        raise RequestError(f"{file} holds {', '.join(names) or 'no array'}; expected {choices}")
    arrays_of_parts = {
        part: ImageArray(
            images=lambda name=pair[0]: load(name),  # type: ignore[misc]
            labels=lambda name=pair[1]: load(name),  # type: ignore[misc]
            where=f"{pair[0]} of {file}",
        )
        for part, pair in names_of_parts.items()
    }
    return _read(arrays_of_parts, array_folder(file, root), names=None)


def read_idx(folder: Path, root: Path, *, names: tuple[str, ...] | None = None) -> Source:
    """The images of a folder of IDX files; test rows are those of `t10k`. `names` are those of the classes, by number.

    Raises RequestError for damaged files, and for images without labels.
    """
    files: dict[str, dict[str, Path]] = {}
    for path in sorted(folder.iterdir()):
        if match := IDX_FILE.fullmatch(path.name):
            files.setdefault(IDX_PARTS[match["part"]], {})[match["content"]] = path
    for part in ("train", *files):
        if missing := {"images", "labels"} - set(files.get(part, {})):
            prefix = next(prefix for prefix, name in IDX_PARTS.items() if name == part)
            raise RequestError(f"{folder} has no file {prefix}-{min(missing)}-idx*-ubyte (or .gz)")
    arrays = {
        part: ImageArray(
            images=lambda path=of_part["images"]: _read_idx_file(path, "images"),  # type: ignore[misc]
            labels=lambda path=of_part["labels"]: _read_idx_file(path, "labels"),  # type: ignore[misc]
            where=str(of_part["images"]),
        )
        for part, of_part in files.items()
    }
    return _read(arrays, array_folder(folder, root), names=names)


def fashion_mnist(folder: Path) -> Source:
    """60,000 and 10,000 grey images of clothes, 28 x 28 pixels, of 10 classes (Xiao et al. 2017).

    `folder` lies in the materials of a cache folder, beside which the rows are written.
    """
    return read_idx(folder, folder.parent.parent, names=FASHION_NAMES)


def array_folder(place: Path, root: Path) -> Path:
    """Where below `root` the rows of an .npz file, or of a folder of IDX files, are written."""
    files = [place] if place.is_file() else [path for path in place.iterdir() if IDX_FILE.fullmatch(path.name)]
    return root / "materials" / f"images-{digest([sha256_of(path) for path in sorted(files)])}"


def is_row(path: str) -> bool:
    """Whether a path means the row of an array, as images.npy#17."""
    return ROW.fullmatch(path) is not None


def read_row(path: str) -> np.ndarray:
    """The image that a path as images.npy#17 means, uint8 (height, width, 3); a grey one has three equal channels.

    Raises RequestError where there is no such row.
    """
    match = ROW.fullmatch(path)
    if match is None:
        raise ValueError(f"{path} is no row of an array")
    try:
        rows = _mapped(match["file"])
    except FileNotFoundError:
        raise RequestError(f"there is no image file {match['file']}") from None
    except (OSError, ValueError) as error:
        raise RequestError(f"{match['file']} cannot be read as an array: {in_one_line(error)}") from None
    number = int(match["row"])
    if number >= len(rows):
        raise RequestError(f"{match['file']} has {len(rows):,} images; there is no row {number}")
    pixels = np.asarray(rows[number])
    return np.repeat(pixels[..., np.newaxis], 3, axis=-1) if pixels.ndim == 2 else pixels


def image_at(path: str) -> ImageFile:
    """The image in a file or in the row of an array. Raises RequestError for a row, OSError for a file, not there."""
    if not is_row(path):
        return ImageFile.at(Path(path))
    read_row(path)
    file, row = path.rsplit("#", 1)
    return ImageFile(path=path, sha256=_sha256_of_row(_mapped(file)[int(row)]))


@lru_cache(maxsize=8)
def _mapped(file: str) -> np.ndarray:
    """The array of a file, of which only what is looked at is read."""
    return np.load(file, mmap_mode="r")


def _sha256_of_row(row: np.ndarray) -> str:
    return hashlib.sha256(row.tobytes()).hexdigest()


def _read(arrays: dict[str, ImageArray], folder: Path, *, names: tuple[str, ...] | None) -> Source:
    """The tables of the parts; their images are written to the folder once."""
    from materials.cache.locks import locked  # here, as a bundle predicts where filelock is not installed

    labels = {part: _labels(array, names) for part, array in arrays.items()}
    with locked(folder):
        if not all((folder / f"{part}.npy").is_file() for part in arrays):
            with new_folder(folder) as temporary:
                for part, array in arrays.items():
                    np.save(temporary / f"{part}.npy", _images(array, len(labels[part])))
            _mapped.cache_clear()
        note_reading(folder, folder.parent.parent)
    tables = {part: _table(folder / f"{part}.npy", labels[part]) for part in arrays}
    return Source(**tables)


def _table(file: Path, labels: list[str]) -> Table:
    return Table(items=list(_items(file.resolve(), _mapped(str(file)))), labels=list(labels), modality="image")


def _labels(array: ImageArray, names: tuple[str, ...] | None) -> list[str]:
    """The names of the rows' classes, or their numbers. Raises RequestError for what is not one label a row."""
    labels = array.labels()
    if labels.ndim == 2 and labels.shape[1] == 1:  # as Keras has those of CIFAR
        labels = labels[:, 0]
    if labels.ndim != 1 or labels.dtype.kind not in "iuU":
        raise RequestError(f"the labels beside {array.where} are {_described(labels)}; expected one number a row")
    if names and (unnamed := [int(number) for number in labels if not 0 <= number < len(names)]):
        raise RequestError(f"the labels beside {array.where} hold {unnamed[0]}; expected 0 to {len(names) - 1}")
    return [names[label] if names else str(label) for label in labels.tolist()]


def _items(file: Path, rows: np.ndarray) -> Iterator[ImageFile]:
    for number, row in enumerate(rows):
        yield ImageFile(path=f"{file}#{number}", sha256=_sha256_of_row(row))


def _images(array: ImageArray, count: int) -> np.ndarray:
    """Uint8 (rows, height, width) or (rows, height, width, 3). Raises RequestError for others, or another count."""
    images = array.images()
    if images.ndim == 4 and images.shape[3] == 1:
        images = images[..., 0]
    is_image = images.ndim == 3 or (images.ndim == 4 and images.shape[3] == 3)
    if images.dtype != np.uint8 or not is_image or 0 in images.shape:
        raise RequestError(
            f"{array.where} is {_described(images)}; expected uint8 (rows, height, width), or (..., 1) or (..., 3)"
        )
    if len(images) != count:
        raise RequestError(f"{array.where} holds {len(images):,} images, and there are {count:,} labels beside it")
    return images


def _described(array: np.ndarray) -> str:
    return f"{array.dtype} {array.shape}"


def _read_idx_file(file: Path, content: str) -> Any:
    """The array of an IDX file. Raises RequestError for a damaged one, and for one of other content."""
    try:
        if file.suffix == ".gz":
            check_unpacked_gz(file)
        data = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise RequestError(f"{file} is damaged: {in_one_line(error)}") from None
    axes = data[3] if len(data) > 3 else 0
    start = 4 + 4 * axes
    if data[:4] != IDX_MAGIC[content] or len(data) < start:
        raise RequestError(f"{file} is no IDX file of {content} in unsigned bytes")
    shape = tuple(np.frombuffer(data, dtype=">i4", count=axes, offset=4).tolist())
    if int(np.prod(shape, dtype=np.int64)) != len(data) - start:
        raise RequestError(f"{file} is damaged: it announces {shape} bytes, and {len(data) - start:,} follow")
    return np.frombuffer(data, dtype=np.uint8, offset=start).reshape(shape)
