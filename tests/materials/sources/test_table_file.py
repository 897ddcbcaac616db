import gzip
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from materials.errors import RequestError
from materials.sources.table_file import read_table, read_texts
from materials.tasks import task_of

FRAME = pd.DataFrame({"text": ["NA", 'a, quoted "text"', "ünïcode"], "label": ["x", "y", "x"]})


def test_column_that_is_there_twice_is_refused_where_it_is_read(tmp_path):
    for name, content in {"a.csv": "note,text,text,note\n1,a,b,2\n", "a.tsv": "text\tnote\ttext\na\t1\tb\n"}.items():
        (tmp_path / name).write_text(content)
    table = pa.table([["a"], ["b"], ["1"]], names=["text", "text", "note"])
    pq.write_table(table, tmp_path / "a.parquet")
    for name in ("a.csv", "a.tsv", "a.parquet"):
        with pytest.raises(RequestError, match="2 columns 'text'; give each a name of its own"):
            read_table(tmp_path / name, text="text", label=None)
    (tmp_path / "b.csv").write_text("note,text,note,text.1\n1,a,2,b\n")
    assert read_table(tmp_path / "b.csv", text="text", label="text.1").labels == ["b"]


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet", ".csv.gz"])
def test_every_kind_of_file_reads_the_same(tmp_path, suffix):
    path = tmp_path / f"rows{suffix}"
    if suffix == ".jsonl":
        FRAME.to_json(path, orient="records", lines=True)
    elif suffix == ".parquet":
        FRAME.to_parquet(path)
    else:
        FRAME.to_csv(path, index=False, sep="\t" if suffix == ".tsv" else ",")
    table = read_table(path, text="text", label=None)
    assert table.items == FRAME["text"].tolist()
    assert table.labels == ["x", "y", "x"]


def test_whole_numbers_stored_as_floats_are_the_same_labels(tmp_path):
    pd.DataFrame({"text": ["a", "b"], "label": [1.0, 2.0]}).to_parquet(tmp_path / "a.parquet")
    assert read_table(tmp_path / "a.parquet", text="text", label="label").labels == ["1", "2"]


def test_file_without_label_column_has_no_labels(tmp_path):
    FRAME[["text"]].to_csv(tmp_path / "a.csv", index=False)
    assert read_table(tmp_path / "a.csv", text="text", label=None).labels is None


def test_labels_of_transfer_files_are_not_read(tmp_path):
    FRAME.to_csv(tmp_path / "a.csv", index=False)
    assert read_texts(tmp_path / "a.csv", text="text").labels is None


def refuse(path, match, *, text="text", label="label"):
    with pytest.raises(RequestError, match=match):
        read_table(path, text=text, label=label)


def test_missing_file_is_refused(tmp_path):
    refuse(tmp_path / "none.csv", "there is no file")


def test_empty_file_is_refused(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"")
    refuse(tmp_path / "a.csv", "is empty")


def test_file_with_a_header_only_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("text,label\n")
    refuse(tmp_path / "a.csv", "has no rows")


def test_missing_column_names_the_columns_there_are(tmp_path):
    FRAME.to_csv(tmp_path / "a.csv", index=False)
    refuse(tmp_path / "a.csv", "no column 'body'; name one with --text; columns: text, label", text="body")
    refuse(tmp_path / "a.csv", "no column 'stars'; name one with --label", label="stars")


@pytest.mark.parametrize("hole", [np.nan, "", "   "])
def test_empty_texts_and_labels_are_refused_with_their_rows(tmp_path, hole):
    pd.DataFrame({"text": ["a", hole], "label": ["x", "y"]}).to_csv(tmp_path / "a.csv", index=False)
    refuse(tmp_path / "a.csv", r"1 of 2 rows .* have no text in column 'text' \(row 2\)")
    pd.DataFrame({"text": ["a", "b"], "label": [hole, "y"]}).to_csv(tmp_path / "b.csv", index=False)
    refuse(tmp_path / "b.csv", r"1 of 2 rows .* have no label in column 'label' \(row 1\)")


def test_class_numbers_of_a_hub_file_become_the_names_it_holds(tmp_path):
    table = pa.table({"text": ["a", "b", "c"], "label": [2, 0, -1], "kind": [0, 1, 0]})
    features = {
        "text": {"dtype": "string", "_type": "Value"},
        "label": {"names": ["negative", "neutral", "positive"], "_type": "ClassLabel"},
        "gone": {"names": ["x"], "_type": "ClassLabel"},
    }
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    pq.write_table(table.replace_schema_metadata(metadata), tmp_path / "a.parquet")
    assert read_table(tmp_path / "a.parquet", text="text", label="label").labels == ["positive", "negative", "-1"]
    assert read_table(tmp_path / "a.parquet", text="text", label="kind").labels == ["0", "1", "0"]


def test_missing_values_in_parquet_are_refused(tmp_path):
    pd.DataFrame({"text": ["a", None], "label": ["x", "y"]}).to_parquet(tmp_path / "a.parquet")
    refuse(tmp_path / "a.parquet", "have no text")


def test_file_that_is_not_utf8_is_refused(tmp_path):
    (tmp_path / "a.csv").write_bytes("text,label\ncafé,x\n".encode("latin-1"))
    refuse(tmp_path / "a.csv", "is not UTF-8")


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet", ".csv.gz"])
def test_file_that_is_something_else_is_refused(tmp_path, suffix):
    (tmp_path / f"a{suffix}").write_bytes(b"\x00 nothing of the kind")
    refuse(tmp_path / f"a{suffix}", "cannot be read|is not UTF-8")


def test_truncated_gzip_is_refused(tmp_path):
    whole = gzip.compress(FRAME.to_csv(index=False).encode() * 50)
    (tmp_path / "a.csv.gz").write_bytes(whole[: len(whole) // 2])
    refuse(tmp_path / "a.csv.gz", "cannot be read")


def test_unknown_kind_of_file_names_the_known_ones(tmp_path):
    (tmp_path / "a.xlsx").write_bytes(b"x")
    refuse(tmp_path / "a.xlsx", r"unknown kind '.xlsx'; known: .csv")


def test_a_text_of_100000_characters_is_read_whole(tmp_path):
    pd.DataFrame({"text": ["word " * 20_000, "b"], "label": ["x", "y"]}).to_csv(tmp_path / "a.csv", index=False)
    assert len(read_table(tmp_path / "a.csv", text="text", label="label").items[0]) == 100_000


def test_unquoted_comma_is_refused_rather_than_read_as_another_column(tmp_path):
    (tmp_path / "a.csv").write_text("text,label\ngood, really,x\nbad, really,y\n")
    refuse(tmp_path / "a.csv", "more fields than its header; quote texts that hold a comma")
    (tmp_path / "b.csv").write_text("text,label\ngood,x\nbad, really,y\n")
    refuse(tmp_path / "b.csv", "cannot be read as .csv: .*Expected 2 fields in line 3, saw 3")


def test_damaged_gzip_is_refused(tmp_path):
    whole = bytearray(gzip.compress(FRAME.to_csv(index=False).encode() * 50))
    whole[20:40] = b"x" * 20
    (tmp_path / "a.csv.gz").write_bytes(whole)
    refuse(tmp_path / "a.csv.gz", "cannot be read|is not UTF-8")


def test_transfer_file_without_rows_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("text\n")
    with pytest.raises(RequestError, match="has no rows"):
        read_texts(tmp_path / "a.csv", text="text")


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("hole", [None, "", "   "])
def test_rows_with_a_hole_are_left_out_and_counted_when_asked_for(tmp_path, hole, suffix):
    frame = pd.DataFrame({"text": ["a", hole, "c", "d"], "label": ["x", "y", hole, "y"], "other": [hole] * 4})
    path = tmp_path / f"rows{suffix}"
    write = {".csv": frame.to_csv, ".parquet": frame.to_parquet}.get(suffix)
    write(path, index=False) if write else frame.to_json(path, orient="records", lines=True)
    table = read_table(path, text="text", label=None, drop_missing=True)
    assert (table.items, table.labels, table.dropped) == (["a", "d"], ["x", "y"], 2)
    texts = read_texts(path, text="text", drop_missing=True)
    assert (texts.items, texts.dropped) == (["a", "c", "d"], 1)
    with pytest.raises(RequestError, match="no row of .* has a value in each of the columns other"):
        read_texts(path, text="other", drop_missing=True)


def test_column_that_is_not_there_is_refused_whether_rows_are_left_out_or_not(tmp_path):
    FRAME.to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(RequestError, match="no column 'body'; name one with --set data.transfer_text=COLUMN; columns"):
        read_texts(tmp_path / "a.csv", text="body", option="--set data.transfer_text=COLUMN", drop_missing=True)


def test_quote_that_opens_a_field_of_a_tsv_is_a_letter(tmp_path):
    rows = [f"{chr(34) if row % 10 == 0 else ''}soup {row}\t{'bad' if row % 2 else 'fine'}" for row in range(60)]
    (tmp_path / "a.tsv").write_text("\n".join(["text\tlabel", *rows, ""]))
    table = read_table(tmp_path / "a.tsv", text="text")
    assert len(table.items) == 60
    assert table.items[:2] == ['"soup 0', "soup 1"]
    assert table.labels[:2] == ["fine", "bad"]


def test_quotes_of_a_tsv_that_would_reach_over_tabs_and_lines_are_letters(tmp_path):
    (tmp_path / "a.tsv").write_text('text\tlabel\n"soup\tbad\nrice\tfine\ntea"\tbad\n')
    assert read_table(tmp_path / "a.tsv", text="text").items == ['"soup', "rice", 'tea"']


def test_texts_of_several_lines_in_a_tsv_stay_whole(tmp_path):
    frame = pd.DataFrame({"text": ['two\nlines of "soup"', "one"], "label": ["x", "y"]})
    frame.to_csv(tmp_path / "a.tsv", sep="\t", index=False)
    assert read_table(tmp_path / "a.tsv", text="text").items == frame["text"].tolist()


def test_quote_in_a_csv_that_swallows_rows_is_refused_with_its_line(tmp_path):
    (tmp_path / "a.csv").write_text('text,label\nrice,fine\n"soup,bad\ntea,fine\n"cake,bad\n')
    refuse(tmp_path / "a.csv", "has a quote in line 3 that opens a cell and is not closed before line 5")
    texts = pd.DataFrame({"text": ["two\nlines, 'and' a \"quote\"", "b" * 200_000], "label": ["x", "y"]})
    texts.to_csv(tmp_path / "b.csv", index=False)
    assert read_table(tmp_path / "b.csv", text="text").items == texts["text"].tolist()


def test_bytes_are_the_texts_and_labels_that_they_spell(tmp_path):
    table = pa.table({"text": [b"caf\xc3\xa9", b"b"], "label": [b"x", b"y"], "blob": [b"\xff", b"\xfe"]})
    pq.write_table(table, tmp_path / "a.parquet")
    read = read_table(tmp_path / "a.parquet", text="text")
    assert (read.items, read.labels) == (["café", "b"], ["x", "y"])
    refuse(tmp_path / "a.parquet", "column 'blob' of .* holds bytes in row 1 that are not UTF-8", text="blob")
    several = pa.table({"text": ["a", "b"], "label": [[b"x", b"y"], [b"y"]]})
    pq.write_table(several, tmp_path / "b.parquet")
    labels = read_table(tmp_path / "b.parquet", text="text", task=task_of("multi-label")).labels
    assert labels == [("x", "y"), ("y",)]


def test_mapping_is_no_text_and_no_label(tmp_path):
    lines = [{"text": {"body": f"soup {row}"}, "label": "bad", "kind": {"is": "bad"}} for row in range(3)]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, lines)))
    refuse(tmp_path / "a.jsonl", "column 'text' of .* holds a mapping in row 1; expected one text")
    refuse(
        tmp_path / "a.jsonl",
        "column 'kind' of .* holds a mapping in row 1; expected one label",
        text="label",
        label="kind",
    )


@pytest.mark.parametrize("name", ["Label", "LABEL", " label"])
def test_column_that_is_nearly_called_label_is_not_overlooked(tmp_path, name):
    FRAME.rename(columns={"label": name}).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(RequestError, match=f"no column 'label'; did you mean '{name}'\\? name one with --label"):
        read_table(tmp_path / "a.csv", text="text")
    assert read_table(tmp_path / "a.csv", text="text", label=name).labels == ["x", "y", "x"]
    assert read_texts(tmp_path / "a.csv", text="text").labels is None


def test_json_lines_of_another_program_have_a_byte_order_mark_and_dates_that_stay_texts(tmp_path):
    (tmp_path / "a.jsonl").write_text('\ufeff{"date": "2020-01-01", "label": "a"}\n', encoding="utf-8")
    table = read_table(tmp_path / "a.jsonl", text="date")
    assert (table.items, table.labels) == (["2020-01-01"], ["a"])


@pytest.mark.parametrize("cell", ["['late', 'cold']", '["late", "cold"]'])
def test_list_that_csv_spells_out_is_several_labels_or_refused(tmp_path, cell):
    pd.DataFrame({"text": ["x"], "label": [cell]}).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(RequestError, match="holds a list written as a text in row 1"):
        read_table(tmp_path / "a.csv", text="text")
    for separator in (None, ","):
        table = read_table(tmp_path / "a.csv", text="text", task=task_of("multi-label"), separator=separator)
        assert table.labels == [("late", "cold")]


def test_class_in_brackets_is_a_class(tmp_path):
    pd.DataFrame({"text": ["x"], "label": ["[spam]"]}).to_csv(tmp_path / "a.csv", index=False)
    assert read_table(tmp_path / "a.csv", text="text").labels == ["[spam]"]


def test_bytes_that_python_printed_into_a_csv_are_refused(tmp_path):
    pd.DataFrame({"text": [b"cold soup", b"it's"], "label": ["a", "b"]}).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(RequestError, match="holds bytes as Python prints them"):
        read_table(tmp_path / "a.csv", text="text")


@pytest.mark.parametrize("names", [("caf\u00e9", "cafe\u0301"), ("a", "\uff41")])
def test_labels_that_unicode_writes_in_two_ways_look_alike(names):
    with pytest.raises(RequestError, match="look alike") as refusal:
        task_of("single-label").label_names([*names, "other"])
    assert str(refusal.value).isascii()
