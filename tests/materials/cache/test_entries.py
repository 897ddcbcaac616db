"""What is listed and deleted while clocks are wrong, other processes work, or the deleting itself is stopped."""

import os
import shutil
import time

import pytest
from sample_stages import STAGE, make_square

from materials.cache.entries import remove_entry, remove_leftovers, stored_entries
from materials.cache.locks import locked
from materials.files import host_name, new_folder
from materials.stages import StageStore


def test_an_entry_that_a_clock_set_back_since_puts_ahead_is_new_and_can_be_removed(tmp_path):
    folder = StageStore(root=tmp_path).get(STAGE, make_square)
    ahead = time.time() + 1e6
    os.utime(folder, (ahead, ahead))
    (entry,) = stored_entries(tmp_path)
    assert entry.age_days == 0
    assert remove_entry(entry)


def test_what_is_being_made_is_not_removed_however_old_it_looks(tmp_path):
    folder = StageStore(root=tmp_path).folder(STAGE)
    unfinished = [folder.with_name(f".{folder.name}.{suffix}") for suffix in (f"{host_name()}.abc.tmp", "work")]
    for path in unfinished:
        path.mkdir(parents=True)
        os.utime(path, (1, 1))
    with locked(folder):
        remove_leftovers(tmp_path)
        assert all(path.exists() for path in unfinished)
    remove_leftovers(tmp_path)
    assert not any(path.exists() for path in unfinished)


def test_a_stage_that_is_being_written_is_no_entry(tmp_path):
    folder = StageStore(root=tmp_path).folder(STAGE)
    with new_folder(folder) as temporary:
        (temporary / "stage.json").write_text("{}")
        assert list(stored_entries(tmp_path)) == []


@pytest.mark.parametrize("kind", ["stages/square", "materials"])
def test_a_removal_that_is_stopped_half_way_leaves_nothing_that_is_read(tmp_path, monkeypatch, kind):
    folder = tmp_path / kind / "abc"
    folder.mkdir(parents=True)
    for name in ("stage.json", "one", "two"):
        (folder / name).touch()
    (entry,) = stored_entries(tmp_path)

    def stop(path, **options):
        (path / "one").unlink()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", stop)
        with pytest.raises(KeyboardInterrupt):
            remove_entry(entry)
    assert list(stored_entries(tmp_path)) == []
    assert not folder.exists()
    (leftover,) = folder.parent.glob(".*.tmp")
    os.utime(leftover, (1, 1))
    remove_leftovers(tmp_path)
    assert not leftover.exists()
