"""Opening an image, be it a file or the row of an array; the channels of an opened one have 8 bits."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from materials.errors import RequestError
from materials.sources.image_array import is_row, read_row

if TYPE_CHECKING:
    from PIL.Image import Image

DEEP = "I;16"  # what the modes of images with 16 bits a pixel begin with
ORIENTATION = 0x0112  # the tag of EXIF


@contextmanager
def opened_image(path: str) -> Iterator["Image"]:
    """Yield the image of a file, or of a row such as images.npy#17, whose pixels may not be read yet.

    Raises RequestError for a row that is not there and a file of too many pixels, and what Pillow raises for a file.
    """
    from PIL import Image

    if is_row(path):
        yield Image.fromarray(read_row(path))
        return
    with Path(path).open("rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's notes on very large images and on palettes
        image = Image.open(file)
        check_size(path, image.width, image.height)
        yield _in_eight_bits(image)


def check_size(path: str, width: int, height: int) -> None:
    """Raise RequestError for an image that announces more pixels than Pillow takes for safe."""
    from PIL import Image

    if Image.MAX_IMAGE_PIXELS and width * height > Image.MAX_IMAGE_PIXELS:
        raise RequestError(
            f"{path} is too large: {width:,} x {height:,} pixels, at most {Image.MAX_IMAGE_PIXELS:,} in all; make it "
            "smaller, or remove it"
        )


def _in_eight_bits(image: "Image") -> "Image":
    """The image itself, or one with the upper 8 bits of each pixel: Pillow would make all brighter pixels white."""
    from PIL import Image

    if not image.mode.startswith(DEEP):
        return image
    turned = upright(image)  # as what is made of an array knows of no camera
    return Image.fromarray((np.asarray(turned).astype(np.uint16) >> 8).astype(np.uint8))


def upright(image: "Image") -> "Image":
    """The image turned as its camera says (EXIF); as it is where that cannot be read, which no pixel depends on."""
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    try:
        turn = turns.get(image.getexif().get(ORIENTATION, 1))
    except Exception:  # damaged tags raise whatever reading them chose, and the pixels are sound all the same
        turn = None
    return image if turn is None else image.transpose(turn)
