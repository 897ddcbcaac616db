"""What a run folder holds is of its run alone, and a folder that cannot be written is found out first."""

import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.record import run_file
from bench.record.run_file import describe_run, read_run, remove_earlier, run_content, write_run
from bench.reports.report import markdown_report
from bench.reports.run_folder import pictures_in, prove_writable, save_run
from materials.errors import RequestError
from materials.files import write_json


def test_pictures_and_tables_of_an_earlier_run_do_not_stay(finished, tmp_path):
    folder = shutil.copytree(finished, tmp_path / "run")
    assert {"curves.png", "confusion.png"} <= set(pictures_in(folder))
    assert (folder / "significance.md").is_file()
    finished_run = read_run(finished)
    save_run(replace(finished_run, rows=finished_run.rows[:1]), [], folder)
    assert "curves.png" not in pictures_in(folder)
    left = ("curves.svg", "curves.md", "history.parquet", "significance.md")
    assert not [name for name in left if (folder / name).exists()]


def test_a_save_that_is_stopped_leaves_no_record_of_another_run(tmp_path, monkeypatch):
    def stop(artefacts):
        raise KeyboardInterrupt

    run = describe_run("mine", [], threads=1)
    write_run(run, [], tmp_path)
    assert read_run(tmp_path).name == "mine"
    with monkeypatch.context() as patch:
        patch.setattr(run_file, "predictions_frame", stop)
        with pytest.raises(KeyboardInterrupt):
            write_run(run, [], tmp_path)
    with pytest.raises(RequestError, match="there is no run in"):
        read_run(tmp_path)
    write_run(run, [], tmp_path)
    assert read_run(tmp_path).name == "mine"


def test_folder_below_a_file_cannot_be_written_to(tmp_path, monkeypatch):
    monkeypatch.setenv("DISTILBENCH_CACHE", str(tmp_path / "cache"))
    (tmp_path / "file").write_text("")
    with pytest.raises(RequestError, match=r"cannot write to the folder .*file/run: Not a directory"):
        prove_writable(tmp_path / "file" / "run")


def test_proof_leaves_no_trace(tmp_path, monkeypatch):
    monkeypatch.setenv("DISTILBENCH_CACHE", str(tmp_path / "cache"))
    prove_writable(tmp_path / "runs" / "mine")
    assert list(tmp_path.iterdir()) == []


def test_bundles_and_test_rows_of_an_earlier_run_do_not_stay(finished, tmp_path):
    folder = shutil.copytree(finished, tmp_path / "run")
    current = next(folder.glob("bundles/seed-0/*/onnx"))
    earlier = shutil.copytree(current, folder / "bundles" / "seed-0" / "earlier-model" / "onnx")
    theirs = folder / "bundles" / "notes.txt"
    theirs.write_text("kept: it is no bundle")
    shutil.copyfile(folder / "test-rows" / "seed-0.parquet", folder / "test-rows" / "seed-7.parquet")
    row = replace(read_run(finished).rows[0], bundle=str(current.relative_to(folder)), seed=0)
    remove_earlier([SimpleNamespace(row=row, source=current)], folder)
    assert current.is_dir()
    assert theirs.is_file()
    assert not earlier.parent.exists()
    assert [file.name for file in (folder / "test-rows").iterdir()] == ["seed-0.parquet"]


def test_measuring_bundles_into_their_own_run_folder_removes_none(finished, tmp_path):
    folder = shutil.copytree(finished, tmp_path / "run")
    bundles = set(folder.glob("bundles/seed-0/*/*"))
    remove_earlier([SimpleNamespace(row=read_run(finished).rows[0], source=None)], folder)
    assert set(folder.glob("bundles/seed-0/*/*")) == bundles


def test_file_that_the_machine_could_not_run_is_in_the_record_and_below_the_table(finished, tmp_path):
    sentence = "bilstm as eager-bf16: this processor runs no LSTM in bfloat16"
    run = replace(read_run(finished), impossible=(sentence,))
    write_json(tmp_path / "run.json", run_content(run))
    assert read_run(tmp_path).impossible == (sentence,)
    assert f"impossible on the machine of this run: {sentence}" in markdown_report(read_run(tmp_path))


@pytest.mark.parametrize(
    ("copies", "rows", "sentence"),
    [
        ("auto", 4646, "transfer rows: 4,646 at most; those that no source gave were made up of train rows"),
        ("auto", 0, "no transfer rows: the rule made up none of train rows, as a class or label of them is rare"),
        (5, 0, None),
    ],
)
def test_what_a_rule_made_up_is_said_below_the_table(finished, copies, rows, sentence):
    run = read_run(finished)
    recipe = {**run.recipe, "data": {**run.recipe["data"], "augmentation": {"copies": copies}}}
    report = markdown_report(replace(run, recipe=recipe, rows=[replace(row, transfer_rows=rows) for row in run.rows]))
    assert ("the rule made up" in report or "were made up" in report) is (sentence is not None)
    assert sentence is None or sentence in report


def test_file_in_the_place_of_the_folder_is_refused_and_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("DISTILBENCH_CACHE", str(tmp_path / "cache"))
    (tmp_path / "run").write_text("theirs")
    with pytest.raises(RequestError, match=r"run: it is a file; name another with --output"):
        prove_writable(tmp_path / "run")
    assert (tmp_path / "run").read_text() == "theirs"


def test_folder_that_another_process_begins_to_use_during_the_proof_stays(tmp_path, monkeypatch):
    monkeypatch.setenv("DISTILBENCH_CACHE", str(tmp_path / "cache"))
    unlink = Path.unlink

    def unlink_and_write(self, **options):
        unlink(self, **options)
        if self.parent == tmp_path / "cache":
            (tmp_path / "cache" / "theirs").touch()

    monkeypatch.setattr(Path, "unlink", unlink_and_write)
    prove_writable(tmp_path / "run")
    assert (tmp_path / "cache" / "theirs").exists()
    assert not (tmp_path / "run").exists()
