"""Peak resident memory of this process, for a stretch of time, and a limit to what a model may take."""

import os
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from encoders.image_encoder import SETTINGS_FILE
from materials.errors import RequestError

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
# What a model takes beside what is in use: its weights in several forms, and activations of some dozens of items.
ROOM_BYTES, ROOM_OF_IMAGES_BYTES, TIMES_ITS_SIZE = 1 << 30, 4 << 30, 64
STACKS_BYTES, BLOCK_BYTES = 16 << 20, 512
RESET_PEAK = "5"  # see proc(5): resets the peak resident set size


def reset_peak() -> bool:
    """Forget the peak so far; false where the system cannot, so that a later peak includes all before it."""
    try:
        CLEAR.write_text(RESET_PEAK, encoding="ascii")
    except OSError:
        return False
    return True


def peak_bytes() -> int:
    """The largest resident memory since the start or the last reset, in bytes."""
    try:
        line = next(line for line in STATUS.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
    return int(line.split()[1]) * 1024


@contextmanager
def limited_memory(place: Path) -> Iterator[None]:
    """Let this process take only what a model of this size may need, while the block runs; of a file, its folder's.

    A damaged graph may ask for any amount, of which the system would give more than it has, and then end a process of
    its choice. Raises RequestError where the limit is met; runtimes tell of it by errors of their own.
    """
    before, most = resource.getrlimit(resource.RLIMIT_DATA)
    folder = place if place.is_dir() else place.parent
    files = [path for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []
    room = ROOM_OF_IMAGES_BYTES if (folder / SETTINGS_FILE).is_file() else ROOM_BYTES
    stacks = STACKS_BYTES * (os.cpu_count() or 1)  # libraries start a thread a processor, or two, and use few
    # What the files take on the disk: a file of holes may announce any size.
    size_bytes = sum(min(path.stat().st_size, BLOCK_BYTES * path.stat().st_blocks) for path in files)
    limit = _private_bytes() + stacks + room + TIMES_ITS_SIZE * size_bytes
    limits = [value for value in (limit, before, most) if value != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_DATA, (min(limits), most))
    try:
        yield
    except MemoryError:
        raise RequestError(f"{place} needs more memory than a model of its size should; it may be damaged") from None
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (before, most))


def _private_bytes() -> int:
    """The memory that the limit counts, in bytes; 0 where the system does not tell."""
    try:
        line = next(line for line in STATUS.read_text(encoding="ascii").splitlines() if line.startswith("VmData:"))
    except (OSError, StopIteration):
        return 0
    return int(line.split()[1]) * 1024
