"""Classes that are folders or numbers get names from a file of two columns."""

import pytest

from materials.errors import RequestError
from materials.rows import Source, Table
from materials.sources.class_names import read_new_names, renamed

DATA = Source(
    train=Table(items=["a", "b", "c"], labels=["n1", "n2", "n1"], notes=("a note",)),
    test=Table(items=["d"], labels=["n2"]),
)


def names_of(tmp_path, text, name="names.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "text",
    [
        "n1,Shih-Tzu\nn2,Beagle",
        "folder,name\nn1,Shih-Tzu\nn2,Beagle\n",
        "\ufeffwnid\tbreed\r\nn1\tShih-Tzu\r\n\r\nn2\tBeagle\r\n",
        '"n1", "Shih-Tzu"\n n2 , Beagle \n',
    ],
)
def test_classes_get_the_names_of_the_second_column(tmp_path, text):
    path = names_of(tmp_path, text.replace(', "', ',"'))
    source = renamed(DATA, read_new_names(path), path)
    assert (source.train.labels, source.test.labels) == (["Shih-Tzu", "Beagle", "Shih-Tzu"], ["Beagle"])
    assert source.train.notes == ("a note",)
    assert source.validation is None


def test_rows_without_labels_stay_without(tmp_path):
    path = names_of(tmp_path, "n2,Beagle")
    source = renamed(Source(train=Table(items=["a"], labels=None), test=DATA.test), read_new_names(path), path)
    assert (source.train.labels, source.test.labels) == (None, ["Beagle"])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("n1,A", "has no name for the class 'n2' of the data; it has n1"),
        ("n1,A\nn2,B\nn3,C", "names the class 'n3', which the data has not: n1, n2"),
        ("n0,A\nn1,B\nn2,C", "names the class 'n0', which the data has not: n1, n2"),
        ("n1,A\nn1,B\nn2,C", "the folder 'n1' stands twice"),
        ("n1,A\nn2,A", "the class name 'A' stands twice"),
        ("n1,A\nn2", "line 2 of .* is not a folder and a class name"),
        ("n1,A,x\nn2,B,x", "line 1 of .* is not a folder and a class name"),
        ("n1,A\n,B", "line 2 of .* is not a folder and a class name"),
        ("", "has no name for the class 'n1' of the data"),
    ],
)
def test_names_that_do_not_fit_are_refused_in_a_sentence(tmp_path, text, sentence):
    path = names_of(tmp_path, text)
    with pytest.raises(RequestError, match=sentence) as refusal:
        renamed(DATA, read_new_names(path), path)
    assert "\n" not in str(refusal.value)


def test_file_that_is_not_there_or_not_utf_8_is_refused(tmp_path):
    with pytest.raises(RequestError, match="there is no file .*none.csv of class names; expected the columns"):
        read_new_names(tmp_path / "none.csv")
    (tmp_path / "odd.csv").write_bytes(b"n1,\xff")
    with pytest.raises(RequestError, match="is not UTF-8"):
        read_new_names(tmp_path / "odd.csv")
