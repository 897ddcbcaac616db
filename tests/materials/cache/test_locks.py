"""Locks of processes that are dead, and of file systems that have none."""

import errno
import fcntl
import os
import signal

import pytest
from sample_stages import STAGE, make_square, started

from materials.cache.locks import locked, locked_if_free
from materials.errors import RequestError
from materials.stages import StageStore


def test_the_lock_of_a_killed_process_holds_nobody_up(tmp_path):
    maker = started("make", tmp_path)
    assert maker.stdout.readline() == "makes\n"
    store = StageStore(root=tmp_path, notice=pytest.fail)
    with locked_if_free(store.folder(STAGE)) as is_free:
        assert not is_free
    maker.send_signal(signal.SIGKILL)
    maker.communicate()
    assert (store.get(STAGE, make_square) / "result.txt").read_text() == "9"
    assert not list(store.folder(STAGE).parent.glob(".*"))


@pytest.mark.filterwarnings("ignore:flock not supported")
def test_the_mark_of_a_dead_process_holds_nobody_up_where_the_file_system_has_no_locks(tmp_path, monkeypatch):
    def refuse(handle, operation):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with locked(tmp_path / "entry"):
        mark = (tmp_path / "entry.lock").read_text()
    dead = started("nothing", tmp_path)
    dead.communicate()
    lines = mark.splitlines()
    (tmp_path / "entry.lock").write_text("\n".join([str(dead.pid), *lines[1:]]) + "\n")
    with locked(tmp_path / "entry", say_waiting=lambda: pytest.fail("it waited")):
        pass


def test_a_file_system_that_refuses_to_lock_is_one_sentence(tmp_path, monkeypatch):
    def refuse(handle, operation):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with (
        pytest.raises(RequestError, match="cannot lock .*entry.lock: No locks available; .* DISTILBENCH_CACHE"),
        locked(tmp_path / "entry"),
    ):
        pass
