"""Views of an image are determined by the image and a number, and none leaves its range or its size."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encoders.image_encoder import ImageEncoder
from encoders.image_rules import settings_as, shows_alike, square_settings
from encoders.pictures import Drawing, Pictures

WHOLE = Drawing(smallest_area=1.0, mirrored=False, colour=0.0)


def pictures(count=3, size=(8, 10), seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, size=(count, *size, 3), dtype=np.uint8)
    return Pictures(pixels=pixels, numbers=np.arange(count), keys=np.arange(count, dtype=np.uint32))


def test_without_views_images_are_seen_whole():
    rows = pictures()
    assert np.array_equal(rows.shown(), rows.pixels)


def test_view_is_the_same_wherever_its_image_stands():
    rows = pictures(5)
    viewed = rows.viewed(np.array([3, 1, 4, 1, 5]), Drawing())
    assert np.array_equal(viewed[np.array([4, 1])].shown(), viewed.shown()[[4, 1]])
    assert np.array_equal(viewed[1:3].shown(), viewed.shown()[1:3])


def test_views_of_different_numbers_differ():
    rows = pictures(2)
    first, second = (rows.viewed(np.full(2, view), Drawing()).shown() for view in (0, 1))
    assert not np.array_equal(first, second)


def test_view_of_all_of_the_area_that_is_neither_mirrored_nor_coloured_keeps_most_of_the_image():
    rows = pictures(1, size=(64, 64))
    rows.pixels[:] = np.linspace(0, 255, 64).astype(np.uint8)[None, None, :, None]
    seen = rows.viewed(np.array([0]), WHOLE).shown()
    assert np.abs(seen.astype(int) - rows.pixels).max() <= 40


def test_mirrored_views_are_about_half_of_all():
    rows = pictures(1, size=(4, 16))
    rows.pixels[:] = (np.arange(16) * 16).astype(np.uint8)[None, None, :, None]
    drawing = Drawing(smallest_area=0.9, mirrored=True, colour=0.0)
    seen = [rows.viewed(np.array([view]), drawing).shown()[0, 0, :, 0].astype(int) for view in range(200)]
    mirrored = np.mean([row[0] > row[-1] for row in seen])
    assert mirrored == pytest.approx(0.5, abs=0.1)


@given(
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    area=st.floats(0.01, 1),
    colour=st.floats(0, 0.9),
    view=st.integers(0, 2**40),
)
def test_view_of_any_image_has_its_size(size, area, colour, view):
    rows = pictures(1, size=size).viewed(np.array([view]), Drawing(smallest_area=area, colour=colour))
    assert rows.shown().shape == rows.pixels.shape
    assert rows.shown().dtype == np.uint8


def test_reading_a_mapped_file_keeps_little_of_it_in_memory(tmp_path):
    """300 MB are read, in a process of its own, whose memory grows by a tenth of that at most."""
    program = """
import sys, numpy as np, psutil
from encoders.pictures import Pictures
file = sys.argv[1]
pixels = np.lib.format.open_memmap(file, mode="w+", dtype=np.uint8, shape=(6250, 128, 128, 3))
del pixels
pixels = np.load(file, mmap_mode="r")
rows = Pictures(pixels=pixels, numbers=np.arange(6250), keys=np.zeros(6250, dtype=np.uint32))
before, most = psutil.Process().memory_info().rss, 0
for start in range(0, 6250, 50):
    rows[start : start + 50].shown()
    most = max(most, psutil.Process().memory_info().rss)
print((most - before) / 1e6)
"""
    command = [sys.executable, "-c", program, str(tmp_path / "pixels.npy")]
    grown = float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert grown < 30


@pytest.mark.parametrize(
    "geometry",
    [
        {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}, "do_center_crop": True},
        {"size": {"shortest_edge": 36}, "crop_size": {"height": 32, "width": 32}, "do_center_crop": True},
        {"size": {"height": 40, "width": 40}, "crop_size": {"height": 32, "width": 32}, "do_center_crop": True},
        {"size": {"height": 32, "width": 32}, "do_center_crop": False},
    ],
)
def test_view_is_of_the_same_part_of_a_photo_for_models_of_two_sizes(geometry):
    """A photo twice as wide as high, brighter to the right and redder to the bottom."""
    photo = np.zeros((60, 120, 3), dtype=np.uint8)
    photo[..., 0] = np.linspace(0, 255, 60)[:, None]
    photo[..., 1] = np.linspace(0, 255, 120)[None, :]
    teacher = ImageEncoder.of({**square_settings(32), "image_processor_type": "BitImageProcessor", **geometry}, "here")
    student = ImageEncoder.of(settings_as(teacher.rules, 16), "there")
    assert shows_alike(student.rules, teacher.rules)
    drawing = Drawing(smallest_area=0.3, colour=0.0)
    for view in range(6):
        large, small = (
            encoder.encode([photo]).viewed(np.array([view]), drawing).shown()[0].astype(float)
            for encoder in (teacher, student)
        )
        assert np.abs(large.reshape(16, 2, 16, 2, 3).mean(axis=(1, 3)) - small).mean() < 4


def test_models_that_crop_otherwise_show_other_parts():
    whole = ImageEncoder.of(square_settings(32), "here").rules
    crop = {"size": {"shortest_edge": 36}, "crop_size": {"height": 32, "width": 32}, "do_center_crop": True}
    middle = ImageEncoder.of({**square_settings(32), "image_processor_type": "BitImageProcessor", **crop}, "here").rules
    assert not shows_alike(whole, middle)
