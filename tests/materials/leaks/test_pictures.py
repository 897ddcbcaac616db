"""Near-duplicates of images are found, and no others."""

import numpy as np
import pytest
from PIL import Image, ImageEnhance
from sample_images import draw_images

from materials.errors import RequestError
from materials.leaks.nearest import NONE, fingerprints_of, nearest
from materials.modalities import ImageFile
from materials.report import silent

COUNT = 40


def blurred(number):
    """An image of soft fields of colour, as photos have them."""
    pixels = np.random.default_rng(number).integers(0, 256, (5, 6, 3)).astype(np.uint8)
    return Image.fromarray(pixels).resize((90, 70), Image.Resampling.BICUBIC)


def saved(image, path, **options):
    image.save(path, **options)
    return ImageFile.at(path)


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    folder = tmp_path_factory.mktemp("originals")
    images = [saved(blurred(number), folder / f"{number}.png") for number in range(COUNT)]
    return fingerprints_of(images, "image", silent)


@pytest.mark.parametrize(
    ("change", "suffix"),
    [
        (lambda image: image, "jpg"),
        (lambda image: image.resize((45, 35)), "png"),
        (lambda image: image.resize((180, 140)), "jpg"),
        (lambda image: ImageEnhance.Brightness(image).enhance(0.8), "png"),
        (lambda image: ImageEnhance.Contrast(image).enhance(0.8), "png"),
    ],
    ids=["compressed", "smaller", "larger", "darker", "paler"],
)
def test_copies_are_found_and_no_others(originals, tmp_path, change, suffix):
    copies = [saved(change(blurred(number)), tmp_path / f"{number}.{suffix}") for number in range(COUNT)]
    others = [saved(blurred(number), tmp_path / f"{number}.png") for number in range(1000, 1000 + COUNT)]
    found = nearest(fingerprints_of([*copies, *others], "image", silent), originals)
    assert (found.numbers[:COUNT] == np.arange(COUNT)).mean() >= 0.95
    assert (found.numbers[COUNT:] == NONE).all()


def test_images_of_noise_are_not_alike(tmp_path):
    images = [ImageFile.at(tmp_path / f"{number}.png") for number in range(20) if draw_images(tmp_path, 20)]
    fingerprints = fingerprints_of(images, "image", silent)
    assert len(nearest(fingerprints, fingerprints).rows) == 0


def test_plain_images_are_told_apart_by_their_colour(tmp_path):
    colours = {"red": (200, 30, 30), "blue": (30, 30, 200), "redder": (205, 32, 30)}
    images = [saved(Image.new("RGB", (40, 40), rgb), tmp_path / f"{name}.png") for name, rgb in colours.items()]
    fingerprints = fingerprints_of(images, "image", silent)
    assert nearest(fingerprints, fingerprints).rows.tolist() == [0, 2]


def test_image_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no image")
    with pytest.raises(RequestError, match=r"broken\.png cannot be read: cannot identify image file"):
        fingerprints_of([ImageFile.at(tmp_path / "broken.png")], "image", silent)
