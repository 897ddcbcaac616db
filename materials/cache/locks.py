"""The lock of an entry of the cache: one process makes or deletes it, and the others wait."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from materials.errors import NO_WRITING, RequestError

SECONDS_BEFORE_A_WORD = 1.0


@contextmanager
def locked(entry: Path, *, say_waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the lock of an entry until the block ends; `say_waiting` is called where another has it for over a second.

    The system takes the lock from a process that dies; a file system without locks of its own leaves that to filelock,
    which sees it on the same machine only. Raises RequestError for a file system that refuses to lock.
    """
    entry.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(entry.with_name(f"{entry.name}.lock"))
    if not _is_acquired(lock, SECONDS_BEFORE_A_WORD):
        say_waiting()
        _is_acquired(lock, -1)
    try:
        yield
    finally:
        lock.release()


@contextmanager
def locked_if_free(entry: Path) -> Iterator[bool]:
    """Hold the lock of an entry until the block ends, or give false at once where another process has it."""
    lock = FileLock(entry.with_name(f"{entry.name}.lock"))
    is_free = _is_acquired(lock, 0)
    try:
        yield is_free
    finally:
        if is_free:
            lock.release()


def _is_acquired(lock: FileLock, seconds: float) -> bool:
    """Whether the lock came within so many seconds; however long it takes where they are negative."""
    try:
        lock.acquire(timeout=seconds)
    except Timeout:
        return False
    except OSError as error:
        if error.errno in NO_WRITING or isinstance(error, FileNotFoundError):
            raise
        raise RequestError(
            f"cannot lock {lock.lock_file}: {error.strerror}; the file system of the cache has no locks that work, so "
            "name a folder on another one in DISTILBENCH_CACHE"
        ) from None
    return True
