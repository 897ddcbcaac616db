import numpy as np
import pandas as pd
import pytest

from materials.files import cache_folder, digest, files_below, new_file, new_folder, write_json, write_parquet


def test_environment_variable_moves_the_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("DISTILBENCH_CACHE", str(tmp_path / "elsewhere"))
    assert cache_folder() == tmp_path / "elsewhere"


def test_failed_block_leaves_neither_file_nor_temporary(tmp_path):
    with pytest.raises(RuntimeError), new_file(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        raise RuntimeError
    with pytest.raises(RuntimeError), new_folder(tmp_path / "b") as temporary:
        (temporary / "half").write_text("half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_interrupted_replacement_keeps_the_old_content(tmp_path):
    write_json(tmp_path / "a.json", {"old": 1})
    with pytest.raises(KeyboardInterrupt), new_file(tmp_path / "a.json") as temporary:
        temporary.write_text("{}")
        raise KeyboardInterrupt
    assert (tmp_path / "a.json").read_text() == '{\n  "old": 1\n}\n'


def test_digest_depends_on_content_and_not_on_key_order():
    assert digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})


def test_files_behind_links_to_folders_are_found_by_each_of_them_and_circles_end(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.png").write_bytes(b"a")
    (tmp_path / "photos" / "cat").mkdir(parents=True)
    (tmp_path / "photos" / "cat" / "b.png").write_bytes(b"b")
    (tmp_path / "photos" / "dog").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "photos" / "hound").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "photos" / "cat")
    (tmp_path / "photos" / "cat" / "on").symlink_to(tmp_path / "elsewhere")
    found = [str(path.relative_to(tmp_path / "photos")) for path in files_below(tmp_path / "photos")]
    # From "cat" on to "elsewhere", which leads back to "cat"; from "dog" and "hound" to "cat" alike, where it ends.
    assert found == [
        *("cat/b.png", "cat/on/a.png"),
        *("dog/a.png", "dog/back/b.png"),
        *("hound/a.png", "hound/back/b.png"),
    ]


def test_tables_are_read_back_as_they_were_written(tmp_path):
    frame = pd.DataFrame(
        {
            "logit": np.array([0.1, np.nan, -np.inf], dtype=np.float32),
            "nanoseconds": [1, 2**40, -3],
            "length": pd.array([5, None, 7], dtype="Int64"),
            "sure": [True, False, True],
            "known": pd.array([True, None, False], dtype="boolean"),
            "text": ["雨", "", "a"],
            "labels": [["a", "b"], [], ["c"]],
        }
    )
    write_parquet(tmp_path / "rows.parquet", frame)
    again = pd.read_parquet(tmp_path / "rows.parquet")
    pd.testing.assert_frame_equal(again.drop(columns="labels"), frame.drop(columns="labels"))
    assert [list(labels) for labels in again["labels"]] == frame["labels"].tolist()
    assert list(tmp_path.iterdir()) == [tmp_path / "rows.parquet"]
