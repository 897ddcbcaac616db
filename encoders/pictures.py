"""Images of one size, in memory or mapped from a file, whole or as views of them."""

import mmap
from dataclasses import dataclass, field, replace

import numpy as np

BILINEAR = 2  # Pillow's number of the filter


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """How a view of an image is drawn: a part of it, brought back to the size of the whole, perhaps mirrored.

    The part's area is at least `smallest_area` of the whole. Brightness, contrast and saturation change by at most the
    share `colour`, each by a factor of its own.
    """

    smallest_area: float = 0.4
    mirrored: bool = True
    colour: float = 0.2


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """Image number n of these is row `numbers[n]` of `pixels`, uint8 (rows, height, width, 3), which stay on the disk.

    `keys`, uint32 (images,), are drawn from what each image is, so that its views are the same wherever it stands.
    `views`, int64 (images,), says which view of each is meant; none means all are whole.
    """

    pixels: np.ndarray
    numbers: np.ndarray
    keys: np.ndarray
    views: np.ndarray | None = None
    drawing: Drawing = field(default_factory=Drawing)

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, rows: slice | np.ndarray) -> "Pictures":
        views = None if self.views is None else self.views[rows]
        return replace(self, numbers=self.numbers[rows], keys=self.keys[rows], views=views)

    def viewed(self, views: np.ndarray, drawing: Drawing) -> "Pictures":
        """The same images, each in the view of this number; equal numbers of an image are the same view."""
        return replace(self, views=views, drawing=drawing)

    def shown(self) -> np.ndarray:
        """What is seen of each, uint8 (images, height, width, 3), read from the disk now."""
        whole = np.array(self.pixels[self.numbers])
        let_go(self.pixels)
        if self.views is None or not len(whole):
            return whole
        return np.stack([_view(*row, self.drawing) for row in zip(whole, self.keys, self.views, strict=True)])


def let_go(pixels: np.ndarray) -> None:
    """Tell the system that the pages of a mapped file that were read are not needed: they else count as memory used."""
    mapped = getattr(pixels, "_mmap", None)  # numpy has no public name for it
    if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)


def _view(pixels: np.ndarray, key: int, view: int, drawing: Drawing) -> np.ndarray:
    """One view of an image, uint8 of its own shape, determined by the key, the number and how it is drawn.

    Area and sides of the part are drawn as by Szegedy et al. 2015, section 6.
    """
    from PIL import Image

    height, width = pixels.shape[:2]
    draw = np.random.default_rng([int(key), int(view)])
    area = draw.uniform(drawing.smallest_area, 1.0)
    side = np.exp(draw.uniform(np.log(3 / 4), np.log(4 / 3)) / 2)
    part_height, part_width = (min(1.0, np.sqrt(area) * factor) for factor in (1 / side, side))
    top, left = draw.uniform(0, 1 - part_height) * height, draw.uniform(0, 1 - part_width) * width
    box = (left, top, left + part_width * width, top + part_height * height)
    image = Image.fromarray(np.ascontiguousarray(pixels)).resize((width, height), BILINEAR, box=box)
    seen = np.asarray(image)
    if drawing.mirrored and draw.random() < 0.5:
        seen = seen[:, ::-1]
    return _coloured(seen, 1 + drawing.colour * draw.uniform(-1, 1, size=3)) if drawing.colour else seen


def _coloured(seen: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """The image with its brightness, contrast and saturation times these factors."""
    brightness, contrast, saturation = factors.astype(np.float32)
    values = seen.astype(np.float32) * brightness
    values = values.mean() + (values - values.mean()) * contrast
    grey = values.mean(axis=2, keepdims=True)
    return (grey + (values - grey) * saturation).clip(0, 255).astype(np.uint8)
