"""Images to arrays of pixel values, by a model's own preprocessor_config.json; needs Pillow, and no torch."""

import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

import numpy as np

from encoders.encoder import Shape
from encoders.graph_input import GraphInput, pixel_values
from encoders.image_rules import Geometry, ImageRules, read_rules
from encoders.pictures import Pictures, let_go
from materials.errors import RequestError
from materials.modalities import ImageFile
from materials.report import Report, silent
from materials.sources.image_file import opened_image, upright

if TYPE_CHECKING:
    from PIL.Image import Image

Item = Union[str, Path, ImageFile, np.ndarray, "Image"]
SETTINGS_FILE = "preprocessor_config.json"
BATCH_SIZES = (1, 2, 7, 16)
ROWS_HELD = 1_000  # of a mapped file that is filled
LONGEST_SHAPE = 20  # times as long as wide


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
        except (OSError, ValueError, RecursionError) as error:
            raise RequestError(f"{file} cannot be read: {error}") from None
        if not isinstance(settings, dict):
            raise RequestError(f"{file} is damaged; expected the settings of an image processor")
        return cls.of(settings, file)

    @property
    def inputs(self) -> tuple[GraphInput, ...]:
        """The one input: float32 (batch, 3, height, width)."""
        return (pixel_values(*self.rules.size),)

    def encode(self, items: Sequence[Item]) -> Pictures:
        """Image files, Pillow images or uint8 (height, width, 3) arrays, brought to the size that the rules say.

        Raises RequestError for a file that holds no image.
        """
        pixels = np.empty((len(items), *self.rules.size, 3), dtype=np.uint8)
        self.fill(pixels, items)
        return Pictures(pixels=pixels, numbers=np.arange(len(items)), keys=keys_of(items))

    def fill(self, pixels: np.ndarray, items: Sequence[Item], *, threads: int = 1, report: Report = silent) -> None:
        """Put each item's pixels in a row of `pixels`, which may lie in a mapped file; raises as `encode` does."""

        def resized(item: Item) -> np.ndarray:
            return np.asarray(_resized(_open(item), self.rules))

        # Pillow gives other threads their turn while it decodes and resizes.
        pool = ThreadPoolExecutor(threads) if threads > 1 else None
        with pool or nullcontext():
            for number, image in enumerate((pool.map if pool else map)(resized, items)):
                pixels[number] = image
                if number % ROWS_HELD == 0:
                    let_go(pixels)
                report(number + 1, len(items))

    def take(self, rows: Pictures, numbers: np.ndarray) -> Pictures:
        """The images of these numbers."""
        return rows[numbers]

    def lengths(self, rows: Pictures) -> np.ndarray:
        """Zeros: images are all of one size."""
        return np.zeros(len(rows), dtype=np.int64)

    def pad(self, rows: Pictures, *, length: int | None = None) -> dict[str, np.ndarray]:
        """The graph's input for a batch of rows, float32 (images, 3, height, width); all are of one size."""
        mean, std = (np.array(values, dtype=np.float32) for values in (self.rules.mean, self.rules.std))
        values = (rows.shown().astype(np.float32) * np.float32(self.rules.factor) - mean) / std
        values = (values[..., ::-1] if self.rules.reverse_colours else values).transpose(0, 3, 1, 2)
        return {"pixel_values": np.ascontiguousarray(values)}

    def batches(self, rows: Pictures, batch_size: int) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
        """Yield the row numbers and the graph's input of each batch, in order."""
        for start in range(0, len(rows), batch_size):
            batch = rows[start : start + batch_size]
            yield np.arange(start, start + len(batch)), self.pad(batch)

    def shapes(self) -> list[Shape]:
        """Batches of 1, 2, 7 and 16: 64 images of 224 x 224 would take a large model on one core a minute."""
        return [Shape(batch=batch) for batch in BATCH_SIZES]

    def example(self, shape: Shape, *, rows: Pictures | None = None) -> dict[str, np.ndarray]:
        """A batch of this size that repeats the rows; without rows, of noise that is always the same."""
        if rows is None or not len(rows):
            noise = np.random.default_rng(0).standard_normal((shape.batch, 3, *self.rules.size), dtype=np.float32)
            return {"pixel_values": noise}
        return self.pad(rows[np.arange(shape.batch) % len(rows)])

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
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's notes on very large images and on palettes
        return upright(image).convert("RGB")


def _resized(image: "Image", rules: ImageRules) -> "Image":
    image = _middle(image) if rules.geometry.shortest_edge else image
    size = _resized_to(image.height, image.width, rules.geometry)
    if size:  # Pillow takes the width first
        image = image.resize(size[::-1], resample=rules.resample)
    for height, width in rules.geometry.crops:
        top, left = (image.height - height) // 2, (image.width - width) // 2
        image = image.crop((left, top, left + width, top + height))
    return image


def _middle(image: "Image") -> "Image":
    """The middle of an image that is very long, of which a crop shows no more: whole, it would fill the memory."""
    longer, most = max(image.size), LONGEST_SHAPE * min(image.size)
    if longer <= most:
        return image
    start = (longer - most) // 2
    if image.width > image.height:
        return image.crop((start, 0, start + most, image.height))
    return image.crop((0, start, image.width, start + most))


def _resized_to(height: int, width: int, geometry: Geometry) -> tuple[int, int] | None:
    """Height and width after resizing; the longer side is rounded down, as transformers does."""
    if not geometry.shortest_edge:
        return geometry.exact
    longer = int(geometry.shortest_edge * max(height, width) / min(height, width))
    return (longer, geometry.shortest_edge) if width <= height else (geometry.shortest_edge, longer)


def keys_of(items: Sequence[Item]) -> np.ndarray:
    """What the views of each item are drawn by, uint32 (items,): its digest, or 0 where nobody took one."""
    return np.array([int(item.sha256[:8], 16) if isinstance(item, ImageFile) else 0 for item in items], dtype=np.uint32)
