"""Tables of pairs, of lists of labels and of numbers."""

import json

import pandas as pd
import pytest

from materials.errors import RequestError
from materials.sources.table_file import read_table, read_texts
from materials.tasks import task_of

SEVERAL, NUMBER = task_of("multi-label"), task_of("regression")
PAIRS = pd.DataFrame(
    {"premise": ["a man, asleep", "NA", "a man"], "hypothesis": ["he dreams", "👍", "2"], "label": ["x", "y", "x"]}
)
SUFFIXES = [".csv", ".tsv", ".jsonl", ".parquet", ".jsonl.gz"]


def write(frame, path):
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    elif ".jsonl" in path.suffixes:
        frame.to_json(path, orient="records", lines=True)
    else:
        frame.to_csv(path, index=False, sep="\t" if path.suffix == ".tsv" else ",")
    return path


def lines(path, *labels):
    """A JSON Lines file of texts with these labels."""
    rows = [json.dumps({"text": f"text {number}", "label": label}) for number, label in enumerate(labels)]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def refuse(path, begin, **options):
    with pytest.raises(RequestError) as refusal:
        read_table(path, **{"text": "text", **options})
    assert str(refusal.value).startswith(begin)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_pairs_of_every_kind_of_file_read_the_same_and_keep_their_order(tmp_path, suffix):
    path = write(PAIRS, tmp_path / f"rows{suffix}")
    table = read_table(path, text="premise", text_pair="hypothesis")
    assert table.items == [("a man, asleep", "he dreams"), ("NA", "👍"), ("a man", "2")]
    assert (table.labels, table.modality) == (["x", "y", "x"], "pair")
    turned = read_table(path, text="hypothesis", text_pair="premise")
    assert turned.items == [(second, first) for first, second in table.items]


def test_pairs_without_labels_are_pairs_too(tmp_path):
    table = read_texts(write(PAIRS, tmp_path / "a.csv"), text="premise", text_pair="hypothesis")
    assert (table.items[1], table.labels, table.modality) == (("NA", "👍"), None, "pair")


def test_same_column_twice_is_no_pair(tmp_path):
    path = write(PAIRS, tmp_path / "a.csv")
    message = f"--text and --text-pair name the same column 'premise' of {path}; "
    refuse(path, message, text="premise", text_pair="premise")


def test_missing_column_of_second_texts_names_its_option(tmp_path):
    path = write(PAIRS, tmp_path / "a.csv")
    message = f"{path} has no column 'answer'; name one with --text-pair; "
    refuse(path, message, text="premise", text_pair="answer")


def test_pair_with_a_hole_is_refused_by_its_row_or_left_out_when_asked_for(tmp_path):
    path = write(PAIRS.assign(hypothesis=["he dreams", " ", "2"]), tmp_path / "a.csv")
    options = {"text": "premise", "text_pair": "hypothesis"}
    with pytest.raises(RequestError, match=r"1 of 3 rows .* have no text in column 'hypothesis' \(row 2\)"):
        read_table(path, **options)
    table = read_table(path, **options, drop_missing=True)
    assert (table.items, table.labels, table.dropped) == (
        [("a man, asleep", "he dreams"), ("a man", "2")],
        ["x"] * 2,
        1,
    )


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet", ".jsonl.gz"])
def test_lists_of_labels_are_read_name_by_name_and_an_empty_list_stands(tmp_path, suffix):
    frame = pd.DataFrame({"text": ["one", "two", "three"], "label": [["b", "a"], [], ["c"]]})
    path = write(frame, tmp_path / f"rows{suffix}")
    assert read_table(path, text="text", task=SEVERAL).labels == [("b", "a"), (), ("c",)]
    table = read_table(path, text="text", task=SEVERAL, drop_missing=True)
    assert (table.labels, table.dropped) == ([("b", "a"), (), ("c",)], 0)


def test_list_is_refused_where_each_row_has_one_label(tmp_path):
    for second in (["a", "b"], ["a"], []):
        path = lines(tmp_path / "a.jsonl", "a", second, "b")
        refuse(path, f"column 'label' of {path} holds a list in row 2; ")


def test_list_of_texts_is_refused_by_its_row(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "one", "label": "x"}\n{"text": ["two"], "label": "y"}\n', encoding="utf-8")
    refuse(path, f"column 'text' of {path} holds a list in row 2; ")


def test_empty_cell_of_a_column_with_a_separator_is_no_label(tmp_path):
    path = write(pd.DataFrame({"text": ["one", "two"], "tags": ["a;b", ""]}), tmp_path / "a.csv")
    refuse(path, f"column 'tags' of {path} holds 'a;b' in row 1, which is no list; ", label="tags", task=SEVERAL)
    for drop_missing in (False, True):
        table = read_table(path, text="text", label="tags", task=SEVERAL, separator=";", drop_missing=drop_missing)
        assert table.labels == [("a", "b"), ()]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_column_with_a_separator_is_lists_of_labels(tmp_path, suffix):
    path = write(pd.DataFrame({"text": ["one", "two", "six"], "tags": ["b; a", "a", ";"]}), tmp_path / f"a{suffix}")
    table = read_table(path, text="text", label="tags", task=SEVERAL, separator=";")
    assert table.labels == [("b", "a"), ("a",), ()]


def test_column_of_labels_without_a_separator_is_refused_by_its_first_row(tmp_path):
    path = write(pd.DataFrame({"text": ["one", "two"], "label": ["b; a", "a"]}), tmp_path / "a.csv")
    refuse(path, f"column 'label' of {path} holds 'b; a' in row 1, which is no list; ", task=SEVERAL)


def test_missing_list_of_labels_is_refused_though_an_empty_one_stands(tmp_path):
    path = lines(tmp_path / "a.jsonl", ["a"], None, [])
    with pytest.raises(RequestError, match=r"1 of 3 rows of .* have no label in column 'label' \(row 2\)"):
        read_table(path, text="text", task=SEVERAL)
    table = read_table(path, text="text", task=SEVERAL, drop_missing=True)
    assert (table.items, table.labels, table.dropped) == (["text 0", "text 2"], [("a",), ()], 1)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_numbers_of_every_kind_of_file_read_the_same(tmp_path, suffix):
    path = write(pd.DataFrame({"text": ["one", "two", "six"], "label": [1.5, -2.0, 1e6]}), tmp_path / f"a{suffix}")
    assert read_table(path, text="text", task=NUMBER).labels == [1.5, -2.0, 1e6]


def test_cell_that_is_no_number_is_refused_by_column_and_row(tmp_path):
    path = write(pd.DataFrame({"text": ["one", "two"], "stars": ["4", "four"]}), tmp_path / "a.csv")
    message = f"column 'stars' of {path} holds 'four' in row 2; "
    refuse(path, message, label="stars", task=NUMBER)
    path = lines(tmp_path / "a.jsonl", 4, [4])
    message = f"column 'label' of {path} holds a list in row 2; "
    refuse(path, message, task=NUMBER)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_file_and_column_may_be_named_with_an_emoji(tmp_path, suffix):
    frame = pd.DataFrame({"naïve 📝": ["a 👍", "b"], "🏷️": ["x", "y"]})
    path = write(frame, tmp_path / f"données 😀{suffix}")
    table = read_table(path, text="naïve 📝", label="🏷️")
    assert (table.items, table.labels) == (["a 👍", "b"], ["x", "y"])
    with pytest.raises(RequestError, match=f"données 😀{suffix} has no column 'text'"):
        read_table(path, text="text")
