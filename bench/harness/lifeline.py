"""Ends a process when the run that began it has died: it neither works for nobody nor disturbs the next run."""

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def lifeline() -> Iterator[int]:
    """The end of a pipe for a process to read from: the other end is open here alone, while the block lasts."""
    to_read, to_write = os.pipe()
    try:
        yield to_read
    finally:
        os.close(to_read)
        os.close(to_write)


def end_with_lifeline(pipe: int) -> None:
    """End this process once nobody is left who could write to the pipe; it waits without using the processor."""
    _end_after(lambda: os.read(pipe, 1))


def end_with_parent() -> None:
    """End this process, which multiprocessing began, once the process that began it has died."""
    if parent := multiprocessing.parent_process():
        _end_after(parent.join)


def _end_after(wait: Callable[[], object]) -> None:
    def end() -> None:
        wait()
        os._exit(1)

    threading.Thread(target=end, daemon=True).start()
