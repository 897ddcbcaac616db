"""Images in arrays become rows of a .npy file, and what is no image is refused in a sentence."""

import gzip
import hashlib
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoders.image_encoder import ImageEncoder
from materials.errors import RequestError
from materials.sources.image_array import array_folder, image_at, is_idx_folder, is_row, read_idx, read_npz, read_row
from teachers.image_classifier import read_image_encoder


def pixels(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, size=shape, dtype=np.uint8)


def write_idx(folder, count=6, *, ending="", separator="-"):
    """The four IDX files of grey images of 5 x 4 pixels, whose labels are 0, 1, 2, 0, ..."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed, part in enumerate(("train", "t10k")):
        images, labels = pixels(count, 5, 4, seed=seed), np.arange(count, dtype=np.uint8) % 3
        for content, array in (("images", images), ("labels", labels)):
            head = struct.pack(f">HBB{array.ndim}i", 0, 8, array.ndim, *array.shape)
            data = head + array.tobytes()
            name = f"{part}-{content}{separator}idx{array.ndim}-ubyte{ending}"
            (folder / name).write_bytes(gzip.compress(data) if ending else data)
    return folder


@pytest.mark.parametrize("shape", [(5, 4), (5, 4, 1), (5, 4, 3)])
def test_npz_as_keras_writes_it_gives_train_and_test_rows(tmp_path, shape):
    train, test = pixels(4, *shape), pixels(2, *shape, seed=1)
    np.savez(tmp_path / "a.npz", x_train=train, y_train=[[0], [1], [10], [1]], x_test=test, y_test=np.array([1, 0]))
    source = read_npz(tmp_path / "a.npz", tmp_path / "cache")
    assert (source.train.labels, source.test.labels) == (["0", "1", "10", "1"], ["1", "0"])
    assert source.validation is None
    assert source.train.modality == "image"
    for number, (item, image) in enumerate(zip(source.train.items, train, strict=True)):
        assert item.path.endswith(f"train.npy#{number}")
        assert item.sha256 == hashlib.sha256(image.tobytes()).hexdigest()
        expected = image if shape[2:] == (3,) else np.repeat(image.reshape(5, 4, 1), 3, axis=2)
        np.testing.assert_array_equal(read_row(item.path), expected)


@pytest.mark.parametrize("names", [("images", "labels"), ("train_images", "train_labels")])
def test_other_names_of_arrays_are_known(tmp_path, names):
    np.savez_compressed(tmp_path / "a.npz", **{names[0]: pixels(2, 5, 4), names[1]: np.array(["cat", "dog"])})
    source = read_npz(tmp_path / "a.npz", tmp_path / "cache")
    assert (source.train.labels, source.test) == (["cat", "dog"], None)


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        (
            {"x": pixels(2, 5, 4)},
            "holds x; expected x_train and y_train or train_images and",
        ),
        ({"images": pixels(2, 5, 4).astype("f4"), "labels": [0, 1]}, r"is float32 \(2, 5, 4\); expected uint8"),
        ({"images": pixels(2, 5, 4, 2), "labels": [0, 1]}, r"is uint8 \(2, 5, 4, 2\); expected"),
        ({"images": pixels(0, 5, 4), "labels": np.array([], dtype=int)}, r"is uint8 \(0, 5, 4\)"),
        ({"images": pixels(2, 20), "labels": [0, 1]}, r"is uint8 \(2, 20\)"),
        ({"images": pixels(2, 5, 4), "labels": [0, 1, 1]}, "holds 2 images, and there are 3 labels"),
        ({"images": pixels(2, 5, 4), "labels": np.eye(2)}, r"are float64 \(2, 2\); expected one number a row"),
        ({"images": pixels(2, 5, 4), "labels": [0.5, 1]}, "are float64"),
        ({"images": np.array([None, None]), "labels": [0, 1]}, "images of .* cannot be read"),
    ],
)
def test_arrays_that_are_no_labelled_images_are_refused(tmp_path, arrays, sentence):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(RequestError, match=sentence) as refusal:
        read_npz(tmp_path / "a.npz", tmp_path / "cache")
    assert "\n" not in str(refusal.value)
    assert not list((tmp_path / "cache").glob("materials/*/"))


@settings(deadline=None, max_examples=40)
@given(content=st.binary(max_size=200) | st.just(b"PK\x03\x04 and no more"))
def test_file_that_is_no_npz_is_refused(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("npz")
    (folder / "a.npz").write_bytes(content)
    with pytest.raises(RequestError, match="cannot be read as .npz"):
        read_npz(folder / "a.npz", folder)


@pytest.mark.parametrize(("ending", "separator"), [("", "-"), (".gz", "-"), (".gz", ".")])
def test_folder_of_idx_files_is_train_and_test(tmp_path, ending, separator):
    folder = write_idx(tmp_path / "idx", ending=ending, separator=separator)
    assert is_idx_folder(folder)
    source = read_idx(folder, tmp_path / "cache", names=("a", "b", "c"))
    assert source.train.labels == source.test.labels == ["a", "b", "c", "a", "b", "c"]
    np.testing.assert_array_equal(read_row(source.test.items[3].path)[..., 1], pixels(6, 5, 4, seed=1)[3])
    assert read_idx(folder, tmp_path / "cache").train.labels[:3] == ["0", "1", "2"]


def test_folder_of_classes_is_no_folder_of_idx_files(tmp_path):
    (tmp_path / "train" / "cat").mkdir(parents=True)
    assert not is_idx_folder(tmp_path)
    assert not is_idx_folder(tmp_path / "none")


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("train-labels-idx1-ubyte", None, "has no file train-labels-idx"),
        ("t10k-images-idx3-ubyte", None, "has no file t10k-images-idx"),
        ("train-images-idx3-ubyte", b"", "is no IDX file of images"),
        ("train-images-idx3-ubyte", b"\0\0\x08\x03\0\0", "is no IDX file of images"),
        ("train-images-idx3-ubyte", b"\0\0\x0d\x03" + bytes(12), "is no IDX file of images"),
        ("train-images-idx3-ubyte", struct.pack(">HBB3i", 0, 8, 3, 6, 5, 4) + bytes(119), "is damaged: it announces"),
        ("train-labels-idx1-ubyte", struct.pack(">HBBi", 0, 8, 1, 2) + bytes(2), "6 images, and there are 2 labels"),
        ("train-labels-idx1-ubyte", struct.pack(">HBBi", 0, 8, 1, 6) + b"\3" * 6, "hold 3; expected 0 to 2"),
    ],
)
def test_damaged_idx_files_are_refused(tmp_path, name, content, sentence):
    folder = write_idx(tmp_path / "idx")
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    with pytest.raises(RequestError, match=sentence):
        read_idx(folder, tmp_path / "cache", names=("a", "b", "c"))


def test_rows_are_written_once_and_again_where_they_are_lost(tmp_path):
    folder = write_idx(tmp_path / "idx")
    first = read_idx(folder, tmp_path / "cache")
    rows = array_folder(folder, tmp_path / "cache") / "train.npy"
    written = rows.stat().st_mtime_ns
    assert read_idx(folder, tmp_path / "cache") == first
    assert rows.stat().st_mtime_ns == written
    rows.unlink()
    assert read_idx(folder, tmp_path / "cache") == first
    assert rows.is_file()


def test_encoder_opens_a_row_as_it_opens_the_array(tmp_path, tiny_vit):
    source = read_idx(write_idx(tmp_path / "idx"), tmp_path / "cache")
    encoder: ImageEncoder = read_image_encoder(tiny_vit)
    arrays = [read_row(item.path) for item in source.train.items]
    rows = [encoder.pad(encoder.encode(items))["pixel_values"] for items in (source.train.items, arrays)]
    np.testing.assert_array_equal(*rows)
    assert image_at(source.train.items[2].path) == source.train.items[2]


def test_row_that_is_not_there_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", pixels(2, 5, 4))
    (tmp_path / "b.npy").write_bytes(b"odd")
    faults = {
        "a.npy#2": "has 2 images; there is no row 2",
        "none.npy#0": "there is no image file",
        "b.npy#0": "cannot be read",
    }
    for path, sentence in faults.items():
        with pytest.raises(RequestError, match=sentence):
            read_row(str(tmp_path / path))
    assert not is_row("photo#1.jpg")
    assert not is_row("a.npy")
