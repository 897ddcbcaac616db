"""Fingerprints of images: the light and dark of a small copy of each, and its colours."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from materials.errors import RequestError, in_one_line
from materials.leaks.fingerprints import BANDS, Fingerprints
from materials.modalities import ImageFile
from materials.report import Report
from materials.sources.image_file import opened_image, upright

SIDE = 16  # of the small copy, in pixels
BITS_OF_BAND = 20
PLANE_DISTANCE = SIDE / 2  # half a standard deviation of where images lie, which is the root of SIDE * SIDE
NOISE = 4  # brightness of 255 that says nothing by itself, so that a plain image is not all noise of compression
FARTHEST_COLOURS = 0.1  # mean difference of the colours as shares of 255, once both images are as bright
MOST_BRIGHTER = 1.35  # times as bright as another an image may be
LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601, as Pillow turns colours into grey


@dataclass(frozen=True, kw_only=True)
class Pictures(Fingerprints):
    """Images by the light and dark of a small copy, float16 (images, SIDE * SIDE), and by the colours of its fields.

    Of the former the mean is 0 and the variance 1, or less in a plain image. The colours are uint8 (images, 192).
    """

    threshold: ClassVar[float] = 0.95
    most_candidates: ClassVar[int] = 64
    shades: np.ndarray
    colours: np.ndarray

    def similarity(self, numbers: np.ndarray, others: Fingerprints, other_numbers: np.ndarray) -> np.ndarray:
        """The correlation of light and dark; 0 where the colours differ."""
        if not isinstance(others, Pictures):
            raise TypeError("images are compared with images")
        differences = self.shades[numbers].astype(np.float32) - others.shades[other_numbers]
        # Of two series of variance 1 this is the correlation; two plain images, which have none, are equal by it.
        correlation = 1 - (differences**2).mean(axis=1) / 2
        colours, other_colours = (
            prints.colours[chosen].astype(np.float32) for prints, chosen in ((self, numbers), (others, other_numbers))
        )
        brighter = other_colours.mean(axis=1) / np.maximum(colours.mean(axis=1), 1)
        factors = np.clip(brighter, 1 / MOST_BRIGHTER, MOST_BRIGHTER)
        distances = np.abs(colours * factors[:, None] - other_colours).mean(axis=1) / 255
        return np.where(distances <= FARTHEST_COLOURS, correlation, 0.0)

    def take(self, numbers: np.ndarray) -> "Pictures":
        """The same images by other numbers."""
        return Pictures(keys=self.keys[:, numbers], shades=self.shades[numbers], colours=self.colours[numbers])


def pictures(images: Sequence[ImageFile], report: Report) -> Pictures:
    """The fingerprints of images. Raises RequestError for one that cannot be read."""
    shades = np.zeros((len(images), SIDE * SIDE), dtype=np.float16)
    colours = np.zeros((len(images), SIDE * SIDE // 4 * 3), dtype=np.uint8)
    for number, image in enumerate(images):
        small = _small_copy(image.path)
        brightness = (small @ LUMA).ravel()
        shades[number] = (brightness - brightness.mean()) / np.hypot(brightness.std(), NOISE)
        colours[number] = small.reshape(SIDE // 2, 2, SIDE // 2, 2, 3).mean(axis=(1, 3)).ravel()
        report(number + 1, len(images))
    return Pictures(keys=_keys(shades), shades=shades, colours=colours)


def _small_copy(path: str) -> np.ndarray:
    """Colours from 0 to 255, float32 (SIDE, SIDE, 3), of the image as it is looked at."""
    from PIL import Image

    try:
        with opened_image(path) as image:
            image.draft("RGB", (4 * SIDE, 4 * SIDE))  # a JPEG file is decoded at a size not far from that
            small = upright(image).convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    except RequestError:
        raise
    except Exception as error:  # each of Pillow's formats has errors of its own for a damaged file
        raise RequestError(f"the image {path} cannot be read: {in_one_line(error)}") from None
    return np.asarray(small, dtype=np.float32)


def _keys(shades: np.ndarray) -> np.ndarray:
    """A key for each band and image, uint32 (bands, images): on which sides of random planes it lies.

    Images of correlation c lie on the same side of a plane through the middle with the probability
    p = 1 - arccos(c) / pi (Charikar 2002), and share a key with 1 - (1 - p^20)^32: 0.98 for 0.95, 0.9998 for 0.97.
    """
    generator, powers = np.random.default_rng(0), np.uint32(1) << np.arange(BITS_OF_BAND, dtype=np.uint32)
    planes = generator.standard_normal((BANDS, shades.shape[1], BITS_OF_BAND), dtype=np.float32)
    # Planes a little beside the middle, where plain images lie, have these on one side; others share keys more often.
    keys = [(shades.astype(np.float32) @ normals > PLANE_DISTANCE) @ powers for normals in planes]
    return np.array(keys, dtype=np.uint32).reshape(BANDS, len(shades))
