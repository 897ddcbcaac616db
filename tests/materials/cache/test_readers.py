"""What another process reads or makes is neither deleted nor replaced, on one machine or on several."""

import errno
import fcntl
import os
import shutil
import signal
import threading

import pytest
from sample_stages import STAGE, make_square, started

from materials.cache import readers
from materials.cache.entries import remove_entry, stored_entries
from materials.files import host_name
from materials.stages import StageStore


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DISTILBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def reader(cache):
    """A process that holds the stage open, and ends with the test."""
    process = started("read", cache)
    assert process.stdout.readline() == "reads\n"
    yield process
    process.kill()
    process.communicate()


def answered(process):
    """The last words of a process that waits for a line."""
    return process.communicate("go on\n")[0].splitlines()


def test_what_another_process_reads_is_pruned_when_it_has_ended(cache, reader):
    (entry,) = stored_entries(cache)
    assert not remove_entry(entry)
    assert answered(reader) == ["9"]
    assert remove_entry(entry)
    assert list(stored_entries(cache)) == []


def test_what_a_killed_process_read_is_pruned(cache, reader):
    reader.send_signal(signal.SIGKILL)
    reader.wait()
    (entry,) = stored_entries(cache)
    assert remove_entry(entry)
    assert list((cache / readers.FOLDER).iterdir()) == []


def test_what_another_process_makes_is_not_pruned(cache):
    StageStore(root=cache).get(STAGE, make_square)
    (entry,) = stored_entries(cache)
    (entry.folder / "result.txt").unlink()
    maker = started("make", cache)
    assert maker.stdout.readline().endswith("(result.txt is missing); it is made again\n")
    assert maker.stdout.readline() == "makes\n"
    assert not remove_entry(entry)
    assert answered(maker) == ["9"]


def test_fresh_waits_until_nobody_reads_what_it_makes_again(cache, reader):
    notices, is_told, numbers = [], threading.Event(), []

    def notice(sentence):
        notices.append(sentence)
        is_told.set()

    store = StageStore(root=cache, fresh=True, notice=notice)
    before = (store.folder(STAGE) / "result.txt").stat().st_ino
    thread = threading.Thread(target=lambda: numbers.append(store.get(STAGE, make_square)))
    thread.start()
    assert is_told.wait(60)
    assert (store.folder(STAGE) / "result.txt").stat().st_ino == before
    assert answered(reader) == ["9"]
    thread.join()
    assert notices == [
        f"another run reads the square {STAGE.digest[:8]} that --fresh makes again; waiting until it has ended"
    ]
    assert (store.folder(STAGE) / "result.txt").stat().st_ino != before


def test_what_another_run_makes_after_a_fresh_one_began_is_new_enough(cache):
    StageStore(root=cache).get(STAGE, make_square)
    fresh = [StageStore(root=cache, fresh=True) for _ in range(2)]
    folder = fresh[0].get(STAGE, make_square)
    assert fresh[1].get(STAGE, lambda folder: pytest.fail("it was made again")) == folder


@pytest.fixture
def foreign_list(cache):
    """The list of a process that has died, as another machine's by its name."""
    StageStore(root=cache).get(STAGE, make_square)
    file = cache / readers.FOLDER / "elsewhere.abc.txt"
    file.write_text(f"stages/square/{STAGE.digest}\n", encoding="utf-8")
    return file


def test_the_list_of_another_machine_is_believed_for_a_day(cache, foreign_list):
    (entry,) = stored_entries(cache)
    assert not remove_entry(entry)
    os.utime(foreign_list, (1, 1))
    assert remove_entry(entry)
    assert not foreign_list.exists()


def test_without_locks_a_list_of_this_machine_is_believed_for_a_day_too(cache, foreign_list, monkeypatch):
    def refuse(handle, operation):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    file = foreign_list.rename(foreign_list.with_name(f"{host_name()}.abc.txt"))
    (entry,) = stored_entries(cache)
    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "flock", refuse)
        assert readers.is_read_elsewhere(entry.folder, cache)
    assert not readers.is_read_elsewhere(entry.folder, cache)
    assert not file.exists()


def test_of_two_machines_one_makes_and_the_other_waits(cache):
    first, second = started("make", cache, host="north"), None
    assert first.stdout.readline() == "makes\n"
    second = started("make", cache, host="south")
    assert second.stdout.readline() == f"another run is making square {STAGE.digest[:8]}; waiting for it\n"
    assert answered(first) == ["9"]
    assert answered(second) == ["9"]


def test_two_machines_without_common_locks_make_the_same_and_harm_nothing(cache):
    machines = [started("make", cache, host=host, locks="own") for host in ("north", "south")]
    assert [machine.stdout.readline() for machine in machines] == ["makes\n", "makes\n"]
    assert [answered(machine) for machine in machines] == [["9"], ["9"]]
    (entry,) = stored_entries(cache)
    assert not list(entry.folder.parent.glob(".*"))
    StageStore(root=cache).get(STAGE, lambda folder: pytest.fail("it was made again"))


def test_what_is_read_is_listed_again_after_the_whole_cache_was_deleted(cache):
    folder = StageStore(root=cache).get(STAGE, make_square)
    shutil.rmtree(cache)
    assert readers.missing_entries(cache) == [folder]
    assert StageStore(root=cache).get(STAGE, make_square) == folder
    assert readers.missing_entries(cache) == []
    (file,) = (cache / readers.FOLDER).iterdir()
    assert file.read_text(encoding="utf-8") == f"stages/square/{STAGE.digest}\n"
