"""What is odd about images is counted and named, or refused in a sentence."""

import shutil

import numpy as np
import pytest
from PIL import Image
from sample_images import write_photos

from materials.errors import RequestError
from materials.modalities import ImageFile
from materials.report import silent
from materials.rows import Table
from materials.sources.image_check import (
    Look,
    check_images,
    check_unlabelled,
    look_at_images,
    looks_as_json,
    looks_from_json,
)
from materials.sources.image_file import opened_image
from materials.sources.image_folder import read_image_folder

NAMES = [f"train/{name}/{number}.jpg" for name in ("cat", "dog") for number in range(4)]


@pytest.fixture
def photos(tmp_path):
    """A folder of four cats and four dogs to train on, and one of each to test on."""
    return write_photos(write_photos(tmp_path, NAMES), ["val/cat/9.jpg", "val/dog/9.jpg"], start=100)


def checked(folder, **options):
    source = read_image_folder(folder)
    images = [image for table in (source.train, source.test) if table for image in table.items]
    return check_images(source, look_at_images(images, silent, **options))


def refuse(folder, sentence):
    with pytest.raises(RequestError, match=sentence) as refusal:
        checked(folder)
    assert "\n" not in str(refusal.value)


def cut(file, share):
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * share)])


def noisy(mode, size=(16, 16)):
    """An image of any mode whose pixels are noise."""
    noise = np.random.default_rng(0).integers(0, 256, size=(size[1], size[0], 4)).astype(np.uint8)
    if mode == "I;16":
        return Image.fromarray(noise[..., 0].astype(np.uint16) * 257)
    return Image.fromarray(noise[..., :3]).convert(mode) if mode != "RGBA" else Image.fromarray(noise)


def test_usual_images_have_no_notes_and_progress_ends_at_all(photos):
    progress = []
    source = read_image_folder(photos)
    assert look_at_images(source.train.items, lambda *done: progress.append(done)) == {}
    assert progress[-1] == (8, 8)
    assert check_images(source, {}) == source
    assert check_images(source, {}).train.notes == ()


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_truncated_jpeg_is_left_out_counted_and_named(photos, share):
    write_photos(photos, ["train/cat/large.jpg"], start=50)
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 80, 3)).astype(np.uint8)).save(
        photos / "train/cat/large.jpg"
    )
    cut(photos / "train/cat/large.jpg", share)
    source = checked(photos)
    assert len(source.train.items) == 8
    assert source.train.notes[0].startswith("1 train images cannot be read and are left out: cat/large.jpg (")
    assert "truncated" in source.train.notes[0]


def test_only_the_first_of_many_damaged_images_are_named(photos):
    for number in range(5):
        (photos / f"train/dog/odd{number}.png").write_bytes(b"odd %d" % number)
    (photos / "train/dog/empty.png").write_bytes(b"")
    (note,) = checked(photos).train.notes
    assert note.startswith(
        "6 train images cannot be read and are left out: dog/empty.png (no image of a known format), "
    )
    assert note.endswith(", ...")


def test_headers_alone_tell_of_no_truncated_file(photos):
    (photos / "train/dog/odd.png").write_bytes(b"odd")
    assert len(checked(photos, decodes=False).train.items) == 8
    big = Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 80, 3)).astype(np.uint8))
    big.save(photos / "train/dog/cut.jpg")
    cut(photos / "train/dog/cut.jpg", 0.8)
    assert len(checked(photos, decodes=False).train.items) == 9


@pytest.mark.parametrize(
    ("mode", "file", "words"),
    [
        ("L", "a.jpg", "1 grey"),
        ("CMYK", "a.jpg", "1 in CMYK"),
        ("RGBA", "a.png", "1 with transparency, which is dropped"),
        ("LA", "a.png", "1 grey with transparency"),
        ("P", "a.png", "1 with a palette"),
        ("1", "a.png", "1 black and white"),
        ("I;16", "a.png", "1 grey of 16 bits, of which the upper 8 are kept"),
    ],
)
def test_image_of_another_mode_is_kept_and_counted(photos, mode, file, words):
    noisy(mode).save(photos / "train/cat" / file)
    source = checked(photos)
    assert len(source.train.items) == 9
    assert source.train.notes == (f"1 images are converted to red, green and blue: {words}",)


def test_pixels_of_16_bits_keep_their_upper_8(tmp_path):
    deep = np.array([[0, 255, 256, 65535]], dtype=np.uint16)
    Image.fromarray(deep).save(tmp_path / "a.png")
    with opened_image(str(tmp_path / "a.png")) as image:
        assert np.asarray(image.convert("RGB"))[0, :, 0].tolist() == [0, 0, 1, 255]


def test_image_of_one_pixel_is_an_image(photos):
    noisy("RGB", (1, 1)).save(photos / "train/cat/dot.png")
    assert len(checked(photos).train.items) == 9


def test_animated_gif_that_is_called_jpg_is_counted_and_its_first_frame_read(photos):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "green", "blue")]
    frames[0].save(photos / "train/cat/moving.jpg", format="GIF", save_all=True, append_images=frames[1:])
    source = checked(photos)
    assert len(source.train.items) == 9
    with opened_image(str(photos / "train/cat/moving.jpg")) as image:
        assert image.convert("RGB").getpixel((0, 0)) == (255, 0, 0)
    assert "of 1 images with several frames the first is read: cat/moving.jpg" in source.train.notes


def test_very_wide_image_is_read(photos):
    Image.new("RGB", (20_000, 10)).save(photos / "train/cat/wide.jpg")
    assert len(checked(photos).train.items) == 9


@pytest.mark.parametrize("rows", [5_000, 12_000])  # over the limit, and over twice: there Pillow raises
@pytest.mark.parametrize("decodes", [True, False])
def test_image_of_too_many_pixels_is_refused_by_name(photos, rows, decodes):
    Image.new("1", (20_000, rows)).save(photos / "train/cat/huge.png")
    with pytest.raises(RequestError, match=r"train/cat/huge.png is too large: .*; make it smaller, or remove it$"):
        checked(photos, decodes=decodes)


def test_one_photo_under_two_labels_is_left_out_of_its_part(photos):
    shutil.copy(photos / "train/cat/0.jpg", photos / "train/dog/copy.jpg")
    shutil.copy(photos / "train/cat/1.jpg", photos / "train/cat/same.jpg")
    source = checked(photos)
    assert source.train.notes == (
        "2 train images stand under several labels and are left out: cat/0.jpg, dog/copy.jpg",
    )
    assert len(source.train.items) == 8  # an equal image under one label is for the splits to drop


@pytest.mark.parametrize(("name", "others"), [("cat", ""), ("dog", " (1 of them under another label)")])
def test_train_photo_that_is_a_test_photo_is_kept_out_of_train(photos, name, others):
    shutil.copy(photos / "val/cat/9.jpg", photos / f"train/{name}/copy.jpg")
    source = checked(photos)
    assert (len(source.train.items), len(source.test.items)) == (8, 2)
    assert source.train.notes == (
        f"1 train images are validation or test images too{others} and are left out: {name}/copy.jpg",
    )


def test_class_of_which_no_image_can_be_read_is_refused(photos):
    (photos / "train/owl").mkdir()
    (photos / "train/owl/1.png").write_bytes(b"odd")
    refuse(photos, r"^none of the train images of the class 'owl' can be read; mend or remove them$")


def test_class_of_test_images_alone_is_refused_with_the_choices(photos):
    write_photos(photos, ["val/owl/1.png"], start=70)
    refuse(photos, "the test images have the class 'owl', and no train image has it; train images have cat, dog; ")


def test_unlabelled_images_that_cannot_be_read_are_left_out(photos):
    (photos / "odd.png").write_bytes(b"odd")
    odd = ImageFile.at(photos / "odd.png")
    table = Table(items=[*read_image_folder(photos).train.items, odd], labels=None, modality="image")
    looks = look_at_images(table.items, silent)
    assert check_unlabelled(table, looks).items == table.items[:-1]
    with pytest.raises(RequestError, match="none of the 1 transfer images can be read"):
        check_unlabelled(Table(items=[odd], labels=None, modality="image"), looks)


def test_looks_are_stored_and_read_back():
    looks = {"a": Look(fault="truncated"), "b": Look(mode="L", frames=3)}
    assert looks_from_json(looks_as_json(looks)) == looks
