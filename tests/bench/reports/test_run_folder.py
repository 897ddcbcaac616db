"""What a run folder holds is of its run alone, and a folder that cannot be written is found out first."""

import shutil
from dataclasses import replace

import pytest

from bench.record.run_file import read_run
from bench.reports.run_folder import pictures_in, prove_writable, save_run
from materials.errors import RequestError


def test_pictures_and_tables_of_an_earlier_run_do_not_stay(finished, tmp_path):
    folder = shutil.copytree(finished, tmp_path / "run")
    assert {"curves.png", "confusion.png"} <= set(pictures_in(folder))
    assert (folder / "significance.md").is_file()
    finished_run = read_run(finished)
    save_run(replace(finished_run, rows=finished_run.rows[:1]), [], folder)
    assert "curves.png" not in pictures_in(folder)
    left = ("curves.svg", "curves.md", "history.parquet", "significance.md")
    assert not [name for name in left if (folder / name).exists()]


def test_folder_below_a_file_cannot_be_written_to(tmp_path, monkeypatch):
    monkeypatch.setenv("DISTILBENCH_CACHE", str(tmp_path / "cache"))
    (tmp_path / "file").write_text("")
    with pytest.raises(RequestError, match=r"cannot write to the folder .*file/run: Not a directory"):
        prove_writable(tmp_path / "file" / "run")


def test_proof_leaves_no_trace(tmp_path, monkeypatch):
    monkeypatch.setenv("DISTILBENCH_CACHE", str(tmp_path / "cache"))
    prove_writable(tmp_path / "run")
    assert not (tmp_path / "run").exists()
