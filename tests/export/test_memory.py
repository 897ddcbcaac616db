import mmap
import sys

import pytest

from export import memory
from export.memory import peak_bytes, reset_peak

MEGABYTE = 2**20


@pytest.fixture
def resettable():
    if sys.platform != "linux" or not reset_peak():
        pytest.skip("this system cannot reset the peak")


def used(size: int) -> mmap.mmap:
    """Pages of the system's own, each written once; an array might be given memory that was freed before."""
    block = mmap.mmap(-1, size)
    for page in range(0, size, mmap.PAGESIZE):
        block[page] = 1
    return block


@pytest.mark.usefixtures("resettable")
def test_memory_that_is_used_after_the_reset_shows():
    reset_peak()
    before = peak_bytes()
    block = used(64 * MEGABYTE)
    block.close()
    assert 60 * MEGABYTE < peak_bytes() - before < 80 * MEGABYTE


@pytest.mark.usefixtures("resettable")
def test_memory_that_was_given_back_before_the_reset_does_not_show():
    block = used(64 * MEGABYTE)
    before = peak_bytes()
    block.close()
    assert peak_bytes() > before - MEGABYTE  # the kernel counts pages in lots
    reset_peak()
    assert before - peak_bytes() > 60 * MEGABYTE


def test_peak_is_known_where_the_system_cannot_reset_it(tmp_path, monkeypatch):
    peak_before_bytes = peak_bytes()
    monkeypatch.setattr(memory, "STATUS", tmp_path / "status")
    monkeypatch.setattr(memory, "CLEAR", tmp_path / "none" / "clear_refs")
    assert not reset_peak()
    assert peak_bytes() > peak_before_bytes / 2
