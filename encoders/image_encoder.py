"""Images to arrays of pixel values, by a model's own preprocessor_config.json; needs Pillow, and no torch."""

import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

import numpy as np

from encoders.encoder import Shape
from encoders.graph_input import GraphInput, pixel_values
from encoders.image_rules import Geometry, ImageRules, read_rules
from materials.errors import RequestError
from materials.modalities import ImageFile
from materials.sources.image_file import opened_image

if TYPE_CHECKING:
    from PIL.Image import Image

Item = Union[str, Path, ImageFile, np.ndarray, "Image"]
SETTINGS_FILE = "preprocessor_config.json"
BATCH_SIZES = (1, 2, 7, 16)


@dataclass(frozen=True, kw_only=True)
class ImageEncoder:
    """Opens, turns upright, resizes, crops and scales images as `rules` say; `settings` is what they were read from."""

    settings: Mapping[str, Any]
    rules: ImageRules

    modality = "image"
    max_length_tokens = None
    padding = None

    @classmethod
    def of(cls, settings: Mapping[str, Any], where: object) -> "ImageEncoder":
        """The encoder for the complete settings of an image processor. Raises RequestError for unknown ones."""
        return cls(settings=dict(settings), rules=read_rules(settings, where))

    @classmethod
    def load(cls, file: Path) -> "ImageEncoder":
        """Read a complete preprocessor_config.json. Raises RequestError for one that is damaged or not known."""
        try:
            settings = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise RequestError(f"{file} cannot be read: {error}") from None
        if not isinstance(settings, dict):
            raise RequestError(f"{file} is damaged; expected the settings of an image processor")
        return cls.of(settings, file)

    @property
    def inputs(self) -> tuple[GraphInput, ...]:
        """The one input: float32 (batch, 3, height, width)."""
        return (pixel_values(*self.rules.size),)

    def encode(self, items: Sequence[Item]) -> np.ndarray:
        """Pixel values, float32 (items, 3, height, width), of image files, Pillow images or uint8 (height, width, 3).

        Raises RequestError for a file that holds no image.
        """
        rows = np.empty((len(items), 3, *self.rules.size), dtype=np.float32)
        for row, item in zip(rows, items, strict=True):
            row[:] = _pixels(_resized(_open(item), self.rules), self.rules)
        return rows

    def take(self, rows: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """The images of these numbers."""
        return rows[numbers]

    def lengths(self, rows: np.ndarray) -> np.ndarray:
        """Zeros: images are all of one size."""
        return np.zeros(len(rows), dtype=np.int64)

    def pad(self, rows: np.ndarray, *, length: int | None = None) -> dict[str, np.ndarray]:
        """The graph's input for a batch of rows, which are all of one size."""
        return {"pixel_values": rows}

    def batches(self, rows: np.ndarray, batch_size: int) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
        """Yield the row numbers and the graph's input of each batch, in order."""
        for start in range(0, len(rows), batch_size):
            batch = rows[start : start + batch_size]
            yield np.arange(start, start + len(batch)), self.pad(batch)

    def shapes(self) -> list[Shape]:
        """Batches of 1, 2, 7 and 16: 64 images of 224 x 224 would take a large model on one core a minute."""
        return [Shape(batch=batch) for batch in BATCH_SIZES]

    def example(self, shape: Shape, *, rows: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """A batch of this size that repeats the rows; without rows, of noise that is always the same."""
        if rows is None or not len(rows):
            rows = np.random.default_rng(0).standard_normal((shape.batch, 3, *self.rules.size), dtype=np.float32)
        return self.pad(np.resize(rows, (shape.batch, *rows.shape[1:])))

    def save(self, folder: Path) -> None:
        """Write preprocessor_config.json."""
        (folder / SETTINGS_FILE).write_text(json.dumps(self.settings, indent=2) + "\n", encoding="utf-8")


def _open(item: Item) -> "Image":
    """The upright image in red, green and blue, as transformers opens a file; transparency is dropped."""
    from PIL import Image, UnidentifiedImageError

    if isinstance(item, ImageFile):
        item = item.path
    if isinstance(item, np.ndarray):
        if item.dtype != np.uint8 or item.ndim != 3 or item.shape[2] != 3:
            raise RequestError(f"an image is {item.dtype} {item.shape}; expected uint8 (height, width, 3)")
        return Image.fromarray(item)
    try:
        if isinstance(item, Image.Image):
            return _upright(item)
        if isinstance(item, tuple):
            raise RequestError("a pair of texts came where an image was expected")
        with opened_image(str(item)) as image:
            return _upright(image)
    except RequestError:
        raise
    except FileNotFoundError:
        raise RequestError(f"there is no image file {item}") from None
    except UnidentifiedImageError:
        raise RequestError(f"{item} is no image of a known format") from None
    except Exception as error:  # each of Pillow's formats has errors of its own for a damaged file
        raise RequestError(f"{item} cannot be read as an image: {error}") from None


def _upright(image: "Image") -> "Image":
    from PIL import ImageOps

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's notes on very large images and on palettes
        return ImageOps.exif_transpose(image).convert("RGB")


def _resized(image: "Image", rules: ImageRules) -> "Image":
    size = _resized_to(image.height, image.width, rules.geometry)
    if size:  # Pillow takes the width first
        image = image.resize(size[::-1], resample=rules.resample)
    for height, width in rules.geometry.crops:
        top, left = (image.height - height) // 2, (image.width - width) // 2
        image = image.crop((left, top, left + width, top + height))
    return image


def _resized_to(height: int, width: int, geometry: Geometry) -> tuple[int, int] | None:
    """Height and width after resizing; the longer side is rounded down, as transformers does."""
    if not geometry.shortest_edge:
        return geometry.exact
    longer = int(geometry.shortest_edge * max(height, width) / min(height, width))
    return (longer, geometry.shortest_edge) if width <= height else (geometry.shortest_edge, longer)


def _pixels(image: "Image", rules: ImageRules) -> np.ndarray:
    """Float32 (3, height, width)."""
    mean, std = (np.array(values, dtype=np.float32) for values in (rules.mean, rules.std))
    pixels = (np.asarray(image, dtype=np.float32) * np.float32(rules.factor) - mean) / std
    return (pixels[..., ::-1] if rules.reverse_colours else pixels).transpose(2, 0, 1)
