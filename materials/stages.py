"""The store of finished stages: each result under a digest of all that determines it, so no stage is done twice."""

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from materials.files import digest, new_folder, sha256_of
from materials.team import Team, current_team

RECORD = "stage.json"
DAY_SECONDS = 86_400


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What determines a result: the kind of stage, the version of its code, and every input, as plain JSON values.

    A stage that is made `together` is made by all processes that were launched together; the first of them keeps it.
    """

    name: str
    version: int
    inputs: dict[str, Any]
    together: bool = False

    @property
    def digest(self) -> str:
        """The key of the result; the same inputs always give the same key, on any machine."""
        return digest([self.name, self.version, self.inputs])


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One stored result, as `distilbench cache` shows it."""

    name: str
    folder: Path
    size_bytes: int
    created: float
    seconds: float


@dataclass(kw_only=True)
class StageStore:
    """Finished stages below `root`. With `fresh`, results of earlier runs are ignored and made again."""

    root: Path
    fresh: bool = False
    notice: Callable[[str], None] = print
    made_digests: set[str] = field(default_factory=set)
    team: Team = field(default_factory=current_team)

    def get(self, stage: Stage, make: Callable[[Path], None]) -> Path:
        """The folder of the stage's result; `make` fills an empty folder when there is no sound one yet.

        Of several processes that ask for the same stage, one makes it and the others wait. Of those that were launched
        together only the first writes, and what it raises is raised in all.
        """
        if self.team.size == 1:
            return self._get(stage, make)
        failure = None
        try:
            if self.team.is_first:
                self._get(stage, make)
            elif self.team.agree(None) and stage.together:
                with tempfile.TemporaryDirectory() as scratch:
                    make(Path(scratch))
        except Exception as error:
            failure = error
        if reason := self.team.same_failure(failure):
            raise reason
        return self.folder(stage)

    def _get(self, stage: Stage, make: Callable[[Path], None]) -> Path:
        folder = self.folder(stage)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with self._lock(stage, folder):
            is_missing = not self.has(stage)
            if is_missing:
                _remove_leftovers(folder)
                if self.fresh:
                    shutil.rmtree(self.work_folder(stage), ignore_errors=True)
            if self.team.agree(is_missing):
                start_seconds = time.perf_counter()
                with new_folder(folder) as temporary:
                    make(temporary)
                    _write_record(temporary, stage, time.perf_counter() - start_seconds)
                shutil.rmtree(self.work_folder(stage), ignore_errors=True)
                self.made_digests.add(stage.digest)
        return folder

    def has(self, stage: Stage) -> bool:
        """Whether a sound result is stored; a damaged one is removed and named in a notice."""
        folder = self.folder(stage)
        if not folder.exists() or (self.fresh and stage.digest not in self.made_digests):
            return False
        fault = _find_fault(folder)
        if fault is None:
            return True
        self.notice(f"the stored {stage.name} {stage.digest[:8]} is damaged ({fault}); it is made again")
        shutil.rmtree(folder)
        return False

    def folder(self, stage: Stage) -> Path:
        """Where the stage's result is or would be."""
        return self.root / "stages" / stage.name / stage.digest

    def work_folder(self, stage: Stage) -> Path:
        """Where a stage may keep what it has done so far; deleted once the stage is finished."""
        return self.folder(stage).with_name(f".{stage.digest}.work")

    def _lock(self, stage: Stage, folder: Path) -> AbstractContextManager[object]:
        """The lock of the stage, held until the block ends; a notice tells of a wait of over a second."""
        lock = FileLock(folder.with_name(f"{folder.name}.lock"))
        try:
            return lock.acquire(timeout=1)
        except Timeout:
            self.notice(f"another run is making {stage.name} {stage.digest[:8]}; waiting for it")
            return lock.acquire()


def stored_entries(root: Path) -> Iterator[Entry]:
    """Every finished stage and fetched material below `root`, in the order of their names."""
    for record in sorted((root / "stages").glob(f"*/*/{RECORD}")):
        yield _entry(record.parent.parent.name, record.parent)
    for folder in sorted((root / "materials").glob("[!.]*/")):
        yield _entry("material", folder)


def remove_entry(entry: Entry) -> None:
    """Delete one stored result, once no run is making it."""
    with FileLock(entry.folder.with_name(f"{entry.folder.name}.lock")):
        shutil.rmtree(entry.folder, ignore_errors=True)


def remove_leftovers(root: Path) -> None:
    """Delete what stopped runs left half-done for more than a day."""
    unfinished_folders = [path for suffix in ("tmp", "work") for path in (root / "stages").glob(f"*/.*.{suffix}")]
    for leftover in [*unfinished_folders, *(root / "materials").glob(".*")]:
        if time.time() - leftover.stat().st_mtime > DAY_SECONDS:
            shutil.rmtree(leftover, ignore_errors=True)


def _entry(name: str, folder: Path) -> Entry:
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    seconds = (_read_record(folder) or {}).get("seconds", 0.0)
    return Entry(name=name, folder=folder, size_bytes=size, created=folder.stat().st_mtime, seconds=seconds)


def _read_record(folder: Path) -> dict[str, Any] | None:
    """The record of a stored result; none when it is missing or damaged."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        return {**record, "files": {name: tuple(entry) for name, entry in record["files"].items()}}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _write_record(folder: Path, stage: Stage, seconds: float) -> None:
    files = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            status = path.stat()
            files[str(path.relative_to(folder))] = [status.st_size, status.st_mtime_ns, sha256_of(path)]
    record = {"stage": stage.name, "version": stage.version, "inputs": stage.inputs, "files": files, "seconds": seconds}
    (folder / RECORD).write_text(json.dumps(record, indent=1), encoding="utf-8")


def _find_fault(folder: Path) -> str | None:
    """What is wrong with a stored result. A file whose size and time are as recorded is not hashed again."""
    record = _read_record(folder)
    if record is None:
        return f"{RECORD} is missing or unreadable"
    for name, (size, modified, sha256) in record["files"].items():
        path = folder / name
        if not path.is_file():
            return f"{name} is missing"
        status = path.stat()
        if (status.st_size, status.st_mtime_ns) != (size, modified) and sha256_of(path) != sha256:
            return f"{name} has changed"
    return None


def _remove_leftovers(folder: Path) -> None:
    for leftover in folder.parent.glob(f".{folder.name}.*.tmp"):
        shutil.rmtree(leftover, ignore_errors=True)
