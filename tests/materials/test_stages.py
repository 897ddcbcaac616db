import errno
import os
import shutil
import threading

import pytest

from materials.cache.entries import remove_entry, remove_leftovers, stored_entries
from materials.files import host_name
from materials.stages import EntryDeleted, Stage, StageStore

STAGE = Stage(name="square", version=1, inputs={"x": 3})


def make_square(folder):
    (folder / "result.txt").write_text("9")


def never(folder):
    raise AssertionError("a finished stage was made again")


def test_finished_stage_is_not_made_again(tmp_path):
    first = StageStore(root=tmp_path).get(STAGE, make_square)
    assert StageStore(root=tmp_path).get(STAGE, never) == first
    assert (first / "result.txt").read_text() == "9"


@pytest.mark.parametrize(
    "changed", [Stage(name="square", version=2, inputs={"x": 3}), Stage(name="square", version=1, inputs={"x": 4})]
)
def test_other_version_or_input_is_another_stage(tmp_path, changed):
    assert StageStore(root=tmp_path).get(STAGE, make_square) != StageStore(root=tmp_path).get(changed, make_square)


def test_failure_stores_nothing_and_the_next_try_succeeds(tmp_path):
    def fail(folder):
        (folder / "result.txt").write_text("half")
        raise KeyboardInterrupt

    store = StageStore(root=tmp_path)
    with pytest.raises(KeyboardInterrupt):
        store.get(STAGE, fail)
    assert list(stored_entries(tmp_path)) == []
    assert not list(tmp_path.rglob("*.tmp"))
    assert (store.get(STAGE, make_square) / "result.txt").read_text() == "9"


@pytest.mark.parametrize("damage", ["flip", "truncate", "delete", "record"])
def test_damaged_result_is_named_and_made_again(tmp_path, damage):
    notices = []
    store = StageStore(root=tmp_path, notice=notices.append)
    result = store.get(STAGE, make_square) / "result.txt"
    if damage == "flip":
        result.write_text("8")
        os.utime(result, ns=(1, 1))
    elif damage == "truncate":
        result.write_text("")
    elif damage == "delete":
        result.unlink()
    else:
        (result.parent / "stage.json").write_text("{")
    assert (store.get(STAGE, make_square) / "result.txt").read_text() == "9"
    assert len(notices) == 1
    assert "damaged" in notices[0]


def stop_at_work(store):
    def stop(folder):
        store.work_folder(STAGE).mkdir(exist_ok=True)
        (store.work_folder(STAGE) / "half").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.get(STAGE, stop)


def test_work_of_a_stopped_stage_is_kept_until_the_stage_is_finished(tmp_path):
    store = StageStore(root=tmp_path)
    stop_at_work(store)
    contents = []
    store.get(STAGE, lambda folder: contents.append((store.work_folder(STAGE) / "half").read_text()))
    assert contents == ["half"]
    assert not store.work_folder(STAGE).exists()


def test_fresh_ignores_the_work_of_a_stopped_stage(tmp_path):
    stop_at_work(StageStore(root=tmp_path))
    store = StageStore(root=tmp_path, fresh=True)
    store.get(STAGE, lambda folder: (folder / "there").write_text(str(store.work_folder(STAGE).exists())))
    assert (store.folder(STAGE) / "there").read_text() == "False"


def test_fresh_ignores_earlier_runs_but_not_this_one(tmp_path):
    StageStore(root=tmp_path).get(STAGE, make_square)
    calls = []
    fresh = StageStore(root=tmp_path, fresh=True)
    for _ in range(2):
        fresh.get(STAGE, lambda folder: calls.append(folder))
    assert len(calls) == 1


def test_of_two_runs_at_once_one_makes_and_the_other_waits(tmp_path):
    calls, notices, has_notice = [], [], threading.Event()

    def notice(sentence):
        notices.append(sentence)
        has_notice.set()

    def slow(folder):
        calls.append(folder)
        has_notice.wait(timeout=300)
        make_square(folder)

    stores = [StageStore(root=tmp_path, notice=notice) for _ in range(2)]
    threads = [threading.Thread(target=store.get, args=(STAGE, slow)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 1
    assert notices == [f"another run is making square {STAGE.digest[:8]}; waiting for it"]


def test_leftovers_of_a_killed_run_are_removed(tmp_path):
    store = StageStore(root=tmp_path)
    leftover = store.folder(STAGE).parent / f".{STAGE.digest}.{host_name()}.abc.tmp"
    leftover.mkdir(parents=True)
    store.get(STAGE, make_square)
    assert not leftover.exists()


def test_cache_entries_can_be_listed_and_removed(tmp_path):
    StageStore(root=tmp_path).get(STAGE, make_square)
    (entry,) = stored_entries(tmp_path)
    assert (entry.name, entry.size_bytes > 0) == ("square", True)
    remove_entry(entry)
    assert list(stored_entries(tmp_path)) == []


@pytest.mark.parametrize("content", ["{", "[]", '{"files": {"a": 5}}'])
def test_damaged_record_can_still_be_listed_and_removed(tmp_path, content):
    folder = StageStore(root=tmp_path).get(STAGE, make_square)
    (folder / "stage.json").write_text(content)
    (entry,) = stored_entries(tmp_path)
    remove_entry(entry)
    assert not folder.exists()


@pytest.mark.parametrize("suffix", ["abc.tmp", "work"])
def test_old_leftovers_are_removed_and_new_ones_are_kept(tmp_path, suffix):
    old, new = (tmp_path / "stages" / "student" / f".{name}.{suffix}" for name in ("old", "new"))
    for folder in (old, new):
        folder.mkdir(parents=True)
    os.utime(old, (1, 1))
    remove_leftovers(tmp_path)
    assert (old.exists(), new.exists()) == (False, True)


OTHER = Stage(name="other", version=1, inputs={})


@pytest.mark.parametrize("error", [None, ValueError("a library's reason")])
def test_a_stage_made_of_what_somebody_deletes_is_not_kept(tmp_path, error):
    store = StageStore(root=tmp_path)
    before = store.get(STAGE, make_square)

    def make(folder):
        shutil.rmtree(before)
        if error:
            raise error

    with pytest.raises(EntryDeleted, match=f"{before} was deleted while this run needed it; give the same command"):
        store.get(OTHER, make)
    assert not store.has(OTHER)
    again = StageStore(root=tmp_path)
    again.get(STAGE, make_square)
    assert again.get(OTHER, make_square).is_dir()


def test_a_cache_that_is_deleted_under_a_stage_is_told_and_made_anew(tmp_path):
    store = StageStore(root=tmp_path / "cache")
    with pytest.raises(EntryDeleted, match="was deleted while this run needed it"):
        store.get(STAGE, lambda folder: shutil.rmtree(store.root))
    assert (store.get(STAGE, make_square) / "result.txt").read_text() == "9"


def test_a_full_disk_keeps_no_part_of_a_stage(tmp_path):
    def fill(folder):
        (folder / "result.txt").write_text("half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    store = StageStore(root=tmp_path)
    with pytest.raises(OSError, match="No space left"):
        store.get(STAGE, fill)
    assert not list(store.folder(STAGE).parent.glob("*[!k]"))  # all but the lock
    assert (store.get(STAGE, make_square) / "result.txt").read_text() == "9"
