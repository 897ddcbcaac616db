"""Images in a Parquet column become files, labelled by the names that the file holds."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet
from sample_images import write_photos

from materials.errors import RequestError
from materials.report import silent
from materials.sources.image_table import image_column, read_image_table
from materials.sources.table_file import read_table


@pytest.fixture
def contents(tmp_path):
    """The bytes of three pictures."""
    folder = write_photos(tmp_path / "drawn", ["0.png", "1.jpg", "2.png"])
    return [path.read_bytes() for path in sorted(folder.iterdir())]


def write(file, contents, labels=(0, 1, 0), *, column="image", names=("cat", "dog"), **others):
    """A Parquet file as the Hub writes it."""
    image = pa.array(
        [
            None if content is None else {"bytes": content, "path": f"{number}.png"}
            for number, content in enumerate(contents)
        ],
        type=pa.struct([("bytes", pa.binary()), ("path", pa.string())]),
    )
    columns = {column: image, **({"label": pa.array(labels, type=pa.int64())} if labels else {}), **others}
    features = {"info": {"features": {"label": {"names": names, "_type": "ClassLabel"}}}} if names else {}
    table = pa.table(columns).replace_schema_metadata({"huggingface": json.dumps(features)})
    parquet.write_table(table, file)
    return file


def test_images_become_files_with_the_names_of_their_classes(tmp_path, contents):
    file, progress = write(tmp_path / "a.parquet", contents), []
    table = read_image_table(file, tmp_path / "cache", report=lambda *done: progress.append(done))
    assert table.labels == ["cat", "dog", "cat"]
    assert table.modality == "image"
    assert [Path(image.path).read_bytes() for image in table.items] == contents
    assert progress[-1] == (3, 3)
    again = read_image_table(file, tmp_path / "cache", report=lambda *done: progress.append(done))
    assert again == table
    assert len(progress) == 3


@pytest.mark.parametrize(("names", "labels"), [(None, ["0", "1", "0"]), (("cat",), ["cat", "1", "cat"])])
def test_numbers_without_a_name_stay(tmp_path, contents, names, labels):
    file = write(tmp_path / "a.parquet", contents, names=names)
    assert read_image_table(file, tmp_path, report=silent).labels == labels


def test_file_without_labels_has_none(tmp_path, contents):
    assert read_image_table(write(tmp_path / "a.parquet", contents, None), tmp_path, report=silent).labels is None


def test_rows_without_an_image_are_counted(tmp_path, contents):
    file = write(tmp_path / "a.parquet", [contents[0], None, b""])
    table = read_image_table(file, tmp_path, report=silent)
    assert (len(table.items), table.dropped) == (1, 2)


def test_column_of_images_is_found_by_the_schema_alone(tmp_path, contents):
    file = write(tmp_path / "a.parquet", contents, column="img")
    assert image_column(file) == "img"
    assert image_column(file, "img") == "img"
    assert image_column(file, "body") is None
    texts = pa.array(["a", "b", "c"])
    assert image_column(write(tmp_path / "b.parquet", contents, text=texts)) is None
    assert image_column(write(tmp_path / "b.parquet", contents, text=texts), "image") == "image"
    assert image_column(tmp_path / "none.parquet") is None
    (tmp_path / "odd.parquet").write_bytes(b"odd")
    assert image_column(tmp_path / "odd.parquet") is None


def test_file_of_texts_is_read_as_before(tmp_path):
    table = pa.table({"text": ["a", "b"], "label": [0, 1]})
    parquet.write_table(table, tmp_path / "a.parquet")
    assert image_column(tmp_path / "a.parquet") is None
    assert read_table(tmp_path / "a.parquet", text="text").labels == ["0", "1"]


def test_missing_labels_and_columns_are_refused(tmp_path, contents):
    file = write(tmp_path / "a.parquet", contents, (0, None, 1))
    with pytest.raises(RequestError, match="row 2 of .* has no label in column 'label'"):
        read_image_table(file, tmp_path, report=silent)
    with pytest.raises(RequestError, match="has no column 'breed'; name one with --label; columns: image, label"):
        read_image_table(file, tmp_path, label="breed", report=silent)
    with pytest.raises(RequestError, match="no row of .* has the bytes of an image in column 'image'"):
        read_image_table(write(tmp_path / "b.parquet", [None], (0,)), tmp_path, report=silent)


def test_labels_beside_images_are_read_as_those_of_texts_are(tmp_path, contents):
    labels = pa.array([b" cat ", b"dog", b"cat"])
    file = write(tmp_path / "a.parquet", contents, None, label=labels)
    assert read_image_table(file, tmp_path, report=silent).labels == ["cat", "dog", "cat"]


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"label": pa.array([["cat"], ["dog"], ["cat"]])}, "row 1 of .* holds .*cat.*; expected a class"),
        ({"Label": pa.array(["cat", "dog", "cat"])}, "has no column 'label'; did you mean 'Label'"),
        ({"label": pa.array([b"\xff", b"dog", b"cat"])}, "bytes in row 1 that are not UTF-8"),
    ],
)
def test_labels_beside_images_that_are_no_classes_are_refused(tmp_path, contents, columns, sentence):
    with pytest.raises(RequestError, match=sentence):
        read_image_table(write(tmp_path / "a.parquet", contents, None, **columns), tmp_path, report=silent)
