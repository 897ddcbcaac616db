"""Files of anybody: what they announce is bounded, and JSON holds what its reader expects."""

import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest
from PIL import Image

import materials.files
from encoders.image_encoder import ImageEncoder
from encoders.image_rules import square_settings
from materials.errors import RequestError
from materials.files import check_types, read_json, read_json_object
from materials.report import silent
from materials.sources.image_archive import unpack
from materials.sources.image_array import read_idx, read_npz
from materials.sources.table_file import read_table
from materials.weights import WeightsFolder

BOMB = "far more than files of its size do; expected at most .* MB: unpack it yourself if you trust it"


@pytest.fixture
def small_room(monkeypatch):
    """Bombs of this test are small ones."""
    monkeypatch.setattr(materials.files, "FREE_BYTES", 1 << 16)


def test_gzip_bomb_of_rows_is_refused(small_room, tmp_path):
    with gzip.open(tmp_path / "rows.csv.gz", "wt") as file:
        file.write("text,label\n" + "a" * 10_000_000)
    with pytest.raises(RequestError, match=BOMB):
        read_table(tmp_path / "rows.csv.gz", text="text")


def test_gzip_file_of_usual_rows_is_read(small_room, tmp_path):
    texts = [f"text number {number}" for number in range(2000)]
    pd.DataFrame({"text": texts, "label": ["a", "b"] * 1000}).to_csv(tmp_path / "rows.csv.gz", index=False)
    assert read_table(tmp_path / "rows.csv.gz", text="text").items == texts


def test_bomb_of_images_in_arrays_is_refused_by_its_declared_size(small_room, tmp_path):
    np.savez_compressed(tmp_path / "a.npz", x_train=np.zeros((300, 100, 100), dtype=np.uint8), y_train=np.zeros(300))
    with pytest.raises(RequestError, match=BOMB):
        read_npz(tmp_path / "a.npz", tmp_path)


def test_bomb_of_idx_files_is_refused(small_room, tmp_path):
    for name, shape in (("train-images-idx3-ubyte.gz", (300, 100, 100)), ("train-labels-idx1-ubyte.gz", (300,))):
        magic = bytes([0, 0, 8, len(shape)]) + np.array(shape, dtype=">i4").tobytes()
        (tmp_path / name).write_bytes(gzip.compress(magic + bytes(int(np.prod(shape)))))
    with pytest.raises(RequestError, match=BOMB):
        read_idx(tmp_path, tmp_path / "cache")


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_archive_bomb_is_refused_before_it_is_unpacked(small_room, tmp_path, kind):
    archive, zeros = tmp_path / f"images.{kind}", bytes(10_000_000)
    if kind == "zip":
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as content:
            content.writestr("a/0.png", zeros)
    else:
        with tarfile.open(archive, "w:gz") as content:
            member = tarfile.TarInfo("a/0.png")
            member.size = len(zeros)
            content.addfile(member, io.BytesIO(zeros))
    with pytest.raises(RequestError, match=BOMB):
        unpack(archive, tmp_path / "cache", silent)
    assert not list((tmp_path / "cache").rglob("*.png"))


def test_parquet_that_announces_too_many_rows_is_refused(small_room, tmp_path):
    table = pyarrow.table({"text": pyarrow.nulls(3_000_000, pyarrow.string()), "label": pyarrow.nulls(3_000_000)})
    pyarrow.parquet.write_table(table, tmp_path / "rows.parquet")
    with pytest.raises(RequestError, match=BOMB):
        read_table(tmp_path / "rows.parquet", text="text")


def test_parquet_whose_rows_share_one_large_value_is_refused(small_room, tmp_path):
    """Its pages hold the value once, so that the file says nothing of the room that its rows take."""
    table = pyarrow.table({"text": pyarrow.array(["x" * 10_000] * 1_000), "label": ["a", "b"] * 500})
    pyarrow.parquet.write_table(table, tmp_path / "rows.parquet")
    with pytest.raises(RequestError, match=BOMB):
        read_table(tmp_path / "rows.parquet", text="text")


def test_parquet_with_text_that_is_not_utf8_is_refused(tmp_path):
    texts = pyarrow.array([b"caf\xc3\xa9", b"caf\xe9"], pyarrow.binary()).view(pyarrow.string())
    pyarrow.parquet.write_table(pyarrow.table({"text": texts, "label": ["a", "b"]}), tmp_path / "rows.parquet")
    with pytest.raises(RequestError, match=r"column 'text' of .*rows\.parquet holds text that is not UTF-8"):
        read_table(tmp_path / "rows.parquet", text="text")


def test_image_that_announces_too_many_pixels_is_refused_wherever_it_is_opened(monkeypatch, tmp_path):
    Image.new("RGB", (40, 40)).save(tmp_path / "large.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    encoder = ImageEncoder.of(square_settings(8), "settings")
    with pytest.raises(RequestError, match=r"large\.png is too large: 40 x 40 pixels, at most 1,000 in all"):
        encoder.encode([tmp_path / "large.png"])


@pytest.mark.parametrize("side", [0, -1, 100_000, 2**40])
def test_image_settings_of_an_impossible_size_are_refused(side):
    with pytest.raises(
        RequestError,
        match="settings makes images .* pixels wide or high; expected 1 to 4,096|is damaged|in sizes of their own",
    ):
        ImageEncoder.of({**square_settings(8), "size": {"height": side, "width": 8}}, "settings")


@pytest.mark.parametrize("content", ["[" * 100_000, "{", "\udcff", "1" * 5000])
def test_json_that_cannot_be_read_is_one_sentence(tmp_path, content):
    (tmp_path / "a.json").write_text(content, errors="surrogateescape")
    for read in (read_json, read_json_object):
        with pytest.raises(RequestError, match=r"a\.json is damaged: ") as caught:
            read(tmp_path / "a.json")
        assert "\n" not in str(caught.value)


@dataclass(frozen=True, kw_only=True)
class Inner:
    count: int


@dataclass(frozen=True, kw_only=True)
class Record:
    name: str = "a"
    share: float | None = None
    counts: tuple[int, ...] = ()
    made: Mapping[str, Any] | None = None
    inner: tuple[Inner, ...] = ()


@pytest.mark.parametrize(
    "values",
    [
        {"share": 1, "counts": [1, 2], "made": {"a": [None, {"b": "c"}]}, "inner": (Inner(count=1),)},
        {"share": float("nan"), "name": "\u96e8"},
    ],
)
def test_values_of_their_types_pass(values):
    check_types(Record(**values))


@pytest.mark.parametrize(
    "values",
    [
        *({"name": name} for name in (None, 1, b"a", "\ud800", ["a"])),
        *({"share": share} for share in ("a", True, [1], 10**400)),
        *({"counts": counts} for counts in ("12", [1.5], [True], {"1": 2}, [2**63])),
        *({"made": made} for made in ([], {1: 2}, {"a": [{"b": 2**70}]}, {"\ud800": 1}, {"a": {1}})),
        *({"inner": inner} for inner in ([{"count": 1}], [Inner(count="a")])),
    ],
)
def test_value_of_another_type_is_told(values):
    with pytest.raises(TypeError, match=f"^{next(iter(values))} is "):
        check_types(Record(**values))


@pytest.mark.parametrize(
    "config",
    [
        *({"architectures": value} for value in ("A", [1], {"a": 1})),
        *({"num_labels": value} for value in (10**9, -1, "2", 2.5)),
        *(
            {"architectures": ["AForSequenceClassification"], "id2label": value}
            for value in ([], "a", {"10000000": "a"}, {"a": "b"})
        ),
        *({"problem_type": value} for value in (1, ["regression"])),
    ],
)
def test_odd_configuration_of_a_model_is_one_sentence(tmp_path, config):
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(RequestError, match=r"config\.json"):
        assert WeightsFolder(path=tmp_path, digest="", licence="").label_names is None
