"""What a cache folder holds, listed and deleted: finished stages, fetched materials, and what was left half-done."""

import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from materials.cache.locks import locked_if_free
from materials.cache.readers import DAY_SECONDS, is_read_elsewhere
from materials.files import UNFINISHED, remove_folder, target_of_unfinished
from materials.stages import RECORD, WORK, read_record


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One stored result, as `distilbench cache` shows it; `root` is the cache folder that it is in."""

    name: str
    root: Path
    folder: Path
    size_bytes: int
    created: float
    seconds: float

    @property
    def age_days(self) -> float:
        """Days since it was made; 0 where that seems to lie ahead, as the clock may have been set back since."""
        return max(0.0, time.time() - self.created) / DAY_SECONDS


def stored_entries(root: Path) -> Iterator[Entry]:
    """Every finished stage and fetched material below `root`, in the order of their names.

    What another process deletes meanwhile is left out.
    """
    stages = [record.parent for record in sorted((root / "stages").glob(f"*/[!.]*/{RECORD}"))]
    for folder in stages:
        with suppress(FileNotFoundError):
            yield _entry(folder.parent.name, root, folder)
    for folder in sorted((root / "materials").glob("[!.]*/")):
        with suppress(FileNotFoundError):
            yield _entry("material", root, folder)


def remove_entry(entry: Entry) -> bool:
    """Delete a stored result; false, and nothing is done, where another process makes or reads it."""
    with locked_if_free(entry.folder) as is_free:
        is_unused = is_free and not is_read_elsewhere(entry.folder, entry.root)
        if is_unused:
            remove_folder(entry.folder)
    return is_unused


def remove_leftovers(root: Path) -> None:
    """Delete what stopped runs left half-done for more than a day, but nothing that is being made, however old."""
    for leftover in [*(root / "stages").glob("*/.*"), *(root / "materials").glob(".*")]:
        if leftover.suffix not in (UNFINISHED, WORK):
            continue
        with locked_if_free(target_of_unfinished(leftover)) as is_free, suppress(FileNotFoundError):
            if is_free and time.time() - leftover.stat().st_mtime > DAY_SECONDS:
                shutil.rmtree(leftover, ignore_errors=True)


def _entry(name: str, root: Path, folder: Path) -> Entry:
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    seconds = (read_record(folder) or {}).get("seconds", 0.0)
    return Entry(name=name, root=root, folder=folder, size_bytes=size, created=folder.stat().st_mtime, seconds=seconds)
