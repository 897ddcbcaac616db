"""A corpus scored to a file: the answers of `predict`, in order, with nothing lost, doubled or read half."""

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from filelock import FileLock
from sample_images import draw_images, labelled_images
from sample_models import opened_once
from sample_texts import sentences

import bench.corpus.score
from bench.corpus.corpus import Corpus
from bench.corpus.score import ScoreOrder, score_corpus
from bench.reports.screen import Screen
from export.exporting import ExportRequest, export_bundle
from export.predictor import Predictor
from materials.errors import RequestError
from materials.files import sha256_of

ROWS = 5000


@pytest.fixture(scope="module")
def texts():
    return [f"{number} {text}" for number, text in enumerate((sentences(200)[0] * 25)[:ROWS])]


@pytest.fixture(scope="module")
def frame(texts):
    return pd.DataFrame({"id": np.arange(ROWS), "text": texts, "price": np.arange(ROWS) / 7})


@pytest.fixture(scope="module")
def corpora(frame, tmp_path_factory):
    """The same rows in every kind of file."""
    folder = tmp_path_factory.mktemp("corpora")
    frame.to_parquet(folder / "rows.parquet", row_group_size=700)
    frame.to_csv(folder / "rows.csv", index=False)
    frame.to_csv(folder / "rows.tsv.gz", index=False, sep="\t")
    frame.to_json(folder / "rows.jsonl", orient="records", lines=True)
    content = (folder / "rows.jsonl").read_bytes()
    with pa.OSFile(str(folder / "rows.jsonl.zst"), "wb") as raw, pa.CompressedOutputStream(raw, "zstd") as stream:
        stream.write(content)
    (folder / "rows.txt").write_text("".join(f"{text}\n" for text in frame["text"]), encoding="utf-8")
    return folder


@pytest.fixture
def scored(tiny_onnx, tmp_path):
    """Scores a source into a file and gives it back with the rows that had a fault."""

    def score(source, **changes):
        output = tmp_path / "out" / "scored.parquet"
        order = replace(ScoreOrder(bundle=tiny_onnx, source=str(source), output=output), **changes)
        parts = score_corpus(order, Screen())
        side_file = output.with_name("scored.faults.jsonl")
        lines = side_file.read_text(encoding="utf-8").splitlines() if side_file.exists() else []
        faults = {fault["row"]: fault["reason"] for fault in map(json.loads, lines)}
        assert sorted(path.name for path in output.parent.iterdir() if "parts" in path.name) == []
        assert parts.faults == len(faults)
        return pd.read_parquet(output), faults

    return score


@pytest.mark.parametrize(
    "name", ["rows.parquet", "rows.csv", "rows.tsv.gz", "rows.jsonl", "rows.jsonl.zst", "rows.txt"]
)
def test_answers_are_those_of_the_bundle_in_the_order_of_the_rows(scored, corpora, frame, tiny_onnx, name):
    result, faults = scored(corpora / name, all_labels=True)
    assert not faults
    assert result["text"].tolist() == frame["text"].tolist()
    expected = Predictor(tiny_onnx).predict(frame["text"].tolist())
    assert result["predicted_label"].tolist() == [prediction.label for prediction in expected]
    np.testing.assert_allclose(result["confidence"], [prediction.probability for prediction in expected], atol=1e-6)
    for label in expected[0].probabilities:
        column = [prediction.probabilities[label] for prediction in expected]
        np.testing.assert_allclose(result[f"probability: {label}"], column, atol=1e-6)
    if name in ("rows.parquet", "rows.jsonl"):
        pd.testing.assert_frame_equal(result[["id", "price"]], frame[["id", "price"]])


def test_several_processes_give_the_same_file(scored, corpora):
    alone, _ = scored(corpora / "rows.parquet")
    together, _ = scored(corpora / "rows.parquet", jobs=2)
    pd.testing.assert_frame_equal(alone, together)


def test_only_named_columns_are_kept(scored, corpora):
    result, _ = scored(corpora / "rows.csv", keep=("id",))
    assert list(result.columns) == ["id", "predicted_label", "confidence"]


def test_folder_is_one_corpus_in_the_order_of_its_files(scored, frame, tmp_path):
    folder = tmp_path / "shards"
    folder.mkdir()
    frame[:2000].to_parquet(folder / "a.parquet")
    frame[2000:].to_json(folder / "b.jsonl.gz", orient="records", lines=True)
    (folder / "notes.md").write_text("no rows", encoding="utf-8")
    result, _ = scored(folder)
    assert result["id"].tolist() == frame["id"].tolist()


def test_rows_that_cannot_be_scored_are_named_with_the_reason_and_the_others_answered(scored, tmp_path):
    lines = [
        *('{"text": "fine", "n": 1}', '{"text": null, "n": 2}', '{"text": ["a"], "n": 3}', '{"n": 4}', "{broken"),
        *('{"text": "  ", "n": 5}', "[1]", '{"text": "good", "n": "six"}', '{"text": "late", "n": 7}'),
        '{"text": "half \\ud83d", "n": 8}',
    ]
    file = tmp_path / "wild.jsonl"
    file.write_bytes("\n".join(lines).encode() + b'\n{"text": "\xff", "n": 8}\n')
    # Columns are typed by the first rows that can be read, so that a number among texts keeps its column a text.
    result, faults = scored(file)
    assert result["text"].tolist() == ["fine", "good", "late"]
    assert result["n"].tolist() == ["1", "six", "7"]
    assert sorted(faults) == [1, 2, 3, 4, 5, 6, 9, 10]
    assert faults[1] == "has no 'text'"
    assert "no text but" in faults[2]
    assert faults[3] == "has no 'text'"
    assert "is no JSON" in faults[4]
    assert faults[5] == "'text' is empty"
    assert "no JSON object but list" in faults[6]
    assert "half of a letter" in faults[9]
    assert faults[10] == "is not UTF-8"


def test_row_of_csv_with_a_cell_too_many_is_a_fault(scored, tmp_path):
    file = tmp_path / "rows.csv"
    file.write_text("id,text\n1,fine\n2,one,two\n3,good\n", encoding="utf-8")
    result, faults = scored(file)
    assert result["id"].tolist() == ["1", "3"]
    assert faults == {1: "has 3 cells where the header has 2"}


def test_value_of_another_type_than_the_first_rows_is_a_fault(scored, tmp_path):
    rows = [{"text": "fine", "n": number} for number in range(ROWS)] + [{"text": "late", "n": "x"}]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    result, faults = scored(file)
    assert result["n"].tolist() == list(range(ROWS))
    assert "where the first rows have int64" in faults[ROWS]


def test_what_was_scored_before_a_damaged_end_is_kept_and_gone_on_with(scored, corpora, tmp_path, monkeypatch):
    monkeypatch.setattr("bench.corpus.corpus.CHUNK_ROWS", 500)  # a damaged block costs the chunk that it lies in
    whole, _ = scored(corpora / "rows.jsonl.zst")
    # Two frames, of which the second is damaged: zstd finds that at the end of a block, with the first one read.
    content, file = (corpora / "rows.jsonl").read_bytes(), tmp_path / "rows.jsonl.zst"
    middle = len(content) // 2
    with pa.OSFile(str(file), "wb") as raw:
        for frame_content in (content[:middle], content[middle:]):
            packed = pa.BufferOutputStream()
            with pa.CompressedOutputStream(packed, "zstd") as stream:
                stream.write(frame_content)
            raw.write(packed.getvalue())
    sound, stamp = file.read_bytes(), file.stat().st_mtime_ns
    file.write_bytes(sound[:-10] + b"\0" * 10)
    os.utime(file, ns=(stamp, stamp))
    with pytest.raises(RequestError, match=r"rows.jsonl.zst cannot be read further"):
        scored(file)
    with pytest.raises(RequestError, match="add --resume to go on"):
        scored(file)
    file.write_bytes(sound)
    os.utime(file, ns=(stamp, stamp))
    result, _ = scored(file, resume=True)
    pd.testing.assert_frame_equal(result, whole)


def test_work_that_was_killed_goes_on_without_a_row_lost_or_doubled(scored, corpora, tiny_onnx, tmp_path):
    whole, _ = scored(corpora / "rows.parquet")
    output = tmp_path / "killed.parquet"
    program = (
        "import sys; from pathlib import Path; import bench.corpus.score as s, bench.corpus.corpus as c\n"
        "from bench.reports.screen import Screen\n"
        "s.PART_ROWS = c.CHUNK_ROWS = 100\n"
        "s.score_corpus(s.ScoreOrder(bundle=Path(sys.argv[1]), source=sys.argv[2], output=Path(sys.argv[3]),"
        " resume=True), Screen())\n"
    )
    command = [sys.executable, "-c", program, tiny_onnx, corpora / "rows.parquet", output]
    manifest = tmp_path / "killed.parquet.parts" / "manifest.json"
    for least in (3, 17):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 60
        while not (manifest.exists() and len(json.loads(manifest.read_text())["parts"]) >= least):
            assert time.monotonic() < until
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not output.exists()
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    pd.testing.assert_frame_equal(pd.read_parquet(output), whole)


def test_standard_input_is_read_line_by_line(tiny_onnx, texts, tmp_path):
    command = [sys.executable, "-c", "from bench.commands.command_line import main; main()", "score", tiny_onnx]
    command += ["--data", "-", "--output", tmp_path / "o.parquet"]
    subprocess.run(command, input="\n".join(texts[:50]), text=True, check=True, capture_output=True)
    assert pd.read_parquet(tmp_path / "o.parquet")["text"].tolist() == texts[:50]


def test_later_rows_are_found_without_reading_row_groups_before(corpora):
    corpus = Corpus(source=str(corpora / "rows.parquet"), text_columns=("text",))
    chunks = list(corpus.chunks(4321))
    assert [number for chunk in chunks for number in chunk.row_numbers] == list(range(4321, ROWS))
    assert chunks[-1].share_read == pytest.approx(1)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"text": "body"}, "unknown column 'body'"),
        ({"keep": ("nothing",)}, "unknown column 'nothing'"),
        ({"text_pair": "id"}, "--text-pair is for bundles of pairs"),
        ({"output": Path("scored.csv")}, "--output needs a file named .parquet"),
        ({"source": "none.csv"}, "there is no file or folder none.csv"),
    ],
)
def test_wrong_request_is_one_sentence(scored, corpora, changes, sentence):
    with pytest.raises(RequestError, match=sentence):
        scored(changes.pop("source", corpora / "rows.parquet"), **changes)


def test_second_process_into_one_output_is_refused(scored, corpora, tmp_path):
    (tmp_path / "out").mkdir()
    with FileLock(tmp_path / "out" / ".scored.parquet.lock"), pytest.raises(RequestError, match="another process"):
        scored(corpora / "rows.txt")


def test_long_texts_make_shorter_parts(scored, corpora, monkeypatch):
    monkeypatch.setattr("bench.corpus.corpus.CHUNK_ROWS", 500)
    monkeypatch.setattr(bench.corpus.score, "PART_BYTES", 1)
    sizes, add = [], bench.corpus.score.Parts.add
    monkeypatch.setattr(
        bench.corpus.score.Parts, "add", lambda self, table, *rest: (sizes.append(len(table)), add(self, table, *rest))
    )
    scored(corpora / "rows.csv")
    assert sizes == [500] * (ROWS // 500)


def test_column_that_the_answers_need_is_refused(scored, frame, tmp_path):
    frame.assign(confidence=1.0).to_parquet(tmp_path / "taken.parquet")
    with pytest.raises(RequestError, match="has a column 'confidence', which the answers need"):
        scored(tmp_path / "taken.parquet")


def test_truncated_parquet_and_empty_corpus_are_one_sentence(scored, corpora, tmp_path):
    (tmp_path / "cut.parquet").write_bytes((corpora / "rows.parquet").read_bytes()[:-40])
    with pytest.raises(RequestError, match=r"cut.parquet cannot be read"):
        scored(tmp_path / "cut.parquet")
    with gzip.open(tmp_path / "empty.csv.gz", "wt") as stream:
        stream.write("id,text\n")
    with pytest.raises(RequestError, match="has no row that can be scored"):
        scored(tmp_path / "empty.csv.gz")


def test_parts_are_written_in_lots_whatever_the_size(scored, corpora, monkeypatch):
    sizes = []
    monkeypatch.setattr(bench.corpus.score, "PART_ROWS", 1500)
    monkeypatch.setattr("bench.corpus.corpus.CHUNK_ROWS", 500)
    add = bench.corpus.score.Parts.add
    monkeypatch.setattr(
        bench.corpus.score.Parts, "add", lambda self, table, *rest: (sizes.append(len(table)), add(self, table, *rest))
    )
    result, _ = scored(corpora / "rows.csv")
    assert sizes == [1500, 1500, 1500, 500]
    assert len(result) == pq.ParquetFile(corpora / "rows.parquet").metadata.num_rows


def test_groups_and_lists_are_kept_whole_as_json(scored, tmp_path):
    rows = [{"text": "fine", "meta": {"a": 1}}] * 5000 + [{"text": "late", "meta": {"a": 1, "b": [2]}}]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    result, faults = scored(file)
    assert not faults
    assert [json.loads(cell) for cell in result["meta"]] == [row["meta"] for row in rows]


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.csv", "rows.txt"])
def test_byte_order_mark_is_no_part_of_the_first_row(scored, tmp_path, name):
    content = {"rows.jsonl": '{"text": "fine"}\n', "rows.csv": "text\nfine\n", "rows.txt": "fine\n"}[name]
    (tmp_path / name).write_text(content, encoding="utf-8-sig")
    result, faults = scored(tmp_path / name)
    assert (result["text"].tolist(), faults) == (["fine"], {})


def test_files_of_a_folder_are_chosen_by_their_whole_kind(scored, tmp_path):
    folder = tmp_path / "shards"
    folder.mkdir()
    (folder / "A.CSV").write_text("text\nfine\n", encoding="utf-8")
    (folder / "a.csv.md5").write_text("0", encoding="utf-8")
    assert scored(folder)[0]["text"].tolist() == ["fine"]
    with pytest.raises(RequestError, match="lies in the corpus itself"):
        scored(folder, output=folder / "scored.parquet")


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_is_wrong_with_a_bundle_is_told_however_many_processes_there_are(
    scored, corpora, tiny_onnx, tmp_path, jobs
):
    broken = shutil.copytree(tiny_onnx, tmp_path / "broken")
    (broken / "model.onnx").write_bytes(b"no model")
    content = json.loads((broken / "bundle.json").read_text())
    content["files"]["model.onnx"] = sha256_of(broken / "model.onnx")
    (broken / "bundle.json").write_text(json.dumps(content))
    with pytest.raises(RequestError, match=r"model.onnx"):
        scored(corpora / "rows.txt", bundle=broken, jobs=jobs)


def test_image_that_cannot_be_read_is_a_fault_and_the_others_are_answered(tiny_vit, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    paths = draw_images(photos, 12)[0]
    with opened_once({"vit": tiny_vit}, paths) as opened:
        request = ExportRequest(origin=opened("vit"), rows=labelled_images(tmp_path / "rows", 12))
        folder = tmp_path / "bundle"
        folder.mkdir()
        bundle = export_bundle(request, "onnx", folder)
    Path(paths[3]).write_bytes(b"no image")
    order = ScoreOrder(bundle=bundle.folder, source=str(photos), output=tmp_path / "scored.parquet")
    parts = score_corpus(order, Screen())
    assert (parts.rows, parts.faults) == (11, 1)
    assert paths[3] not in pd.read_parquet(order.output)["path"].tolist()


def test_two_columns_of_one_name_are_refused(scored, tmp_path):
    (tmp_path / "rows.csv").write_text("text,id,id\na film,1,2\n")
    pq.write_table(pa.table([["a film"], [1], [2]], names=["text", "id", "id"]), tmp_path / "rows.parquet")
    for name in ("rows.csv", "rows.parquet"):
        with pytest.raises(RequestError, match="2 columns are called 'id'; give each a name of its own"):
            scored(tmp_path / name)
