"""Who reads what in a cache folder: each process lists the entries that it reads, for as long as it lives.

The list is a file that its process keeps locked, so that the system itself says when the process is gone.
"""

import atexit
import fcntl
import os
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path

from materials.files import cache_folder, host_name

FOLDER = "readers"
SUFFIX = ".txt"
DAY_SECONDS = 86_400


@dataclass(kw_only=True)
class _List:
    """The list of this process for one cache folder."""

    file: Path
    handle: FileIO
    entries: set[Path] = field(default_factory=set)


_lists: dict[Path, _List] = {}
_guard = threading.Lock()


def note_reading(entry: Path, root: Path) -> None:
    """Say that this process reads an entry of the cache folder `root` from now on; to be called under its lock.

    Nothing is said of a folder that is not the user's cache, as no other process looks there.
    """
    if root != cache_folder():
        return
    with _guard:
        own, unlisted = _lists.get(root), {entry}
        if own is None or not own.file.exists():  # as when the whole cache was deleted
            unlisted |= own.entries if own else set()
            own = _lists[root] = _begin_list(root / FOLDER)
        with suppress(OSError):
            os.utime(own.file)  # where locks are not shared, its age tells that the process lives
        for path in sorted(unlisted - own.entries):
            own.handle.write(f"{path.relative_to(root)}\n".encode())
            own.entries.add(path)


def is_read_elsewhere(entry: Path, root: Path) -> bool:
    """Whether another process reads an entry; to be called under its lock. Lists of dead processes are deleted."""
    own_file = _lists[root].file if root in _lists else None
    files = [file for file in sorted((root / FOLDER).glob(f"[!.]*{SUFFIX}")) if file != own_file]
    return any(str(entry.relative_to(root)) in _names_in(file) for file in files)


def missing_entries(root: Path) -> list[Path]:
    """The entries that this process has read and that somebody has deleted since."""
    return sorted(entry for entry in _lists[root].entries if not entry.exists()) if root in _lists else []


def _begin_list(folder: Path) -> _List:
    folder.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{host_name()}.", suffix=SUFFIX, dir=folder)
    os.fchmod(descriptor, 0o644)  # for others who share the cache to read
    handle = FileIO(descriptor, "w")  # without a buffer, which a full disk would leave to be written at the end
    with suppress(OSError):  # a file system without locks, where the age of the list decides
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    # Shown once it is locked, as a list without a lock is taken for that of a dead process.
    file = Path(name).rename(folder / Path(name).name.removeprefix("."))
    atexit.register(_end_list, file, handle, os.getpid())
    return _List(file=file, handle=handle)


def _end_list(file: Path, handle: FileIO, process: int) -> None:
    if os.getpid() == process:  # and not in a copy of it
        file.unlink(missing_ok=True)
        handle.close()


def _names_in(file: Path) -> list[str]:
    """The entries that a process reads, from the cache folder; none, and no list any more, where it is dead.

    Not every file system shares its locks between machines, so a list of another machine's is kept for a day.
    """
    is_of_this_machine = file.name.rsplit(".", 2)[0] == host_name()
    try:
        with file.open(encoding="utf-8") as handle:
            is_over = is_of_this_machine or time.time() - file.stat().st_mtime > DAY_SECONDS
            try:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                is_over = False
            except OSError:  # no locks at all
                is_over = time.time() - file.stat().st_mtime > DAY_SECONDS
            if not is_over:
                return handle.read().splitlines()
    except FileNotFoundError:  # its process has just ended
        return []
    file.unlink(missing_ok=True)
    return []
