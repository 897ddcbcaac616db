"""The store of finished stages: each result under a digest of all that determines it, so no stage is done twice."""

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from materials.cache.locks import locked
from materials.cache.readers import is_read_elsewhere, note_reading
from materials.errors import RequestError
from materials.files import digest, remove_folder, remove_unfinished, sha256_of, unfinished_folder
from materials.team import Team, current_team

RECORD = "stage.json"
WORK = ".work"  # how the names of folders end in which a stage keeps what it has done so far
SECONDS_BETWEEN_LOOKS = 1.0


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


class EntryDeleted(RequestError):
    """Somebody has deleted what a stage was being made of, or the folder that it was being made in."""


@dataclass(kw_only=True)
class StageStore:
    """Finished stages below `root`. With `fresh`, results of earlier runs are ignored and made again.

    `earlier` are those results, by `stamps_in`: by default all that are there when the store is opened. Each stage is
    made within `around`, which is given its kind.
    """

    root: Path
    fresh: bool = False
    notice: Callable[[str], None] = print
    earlier: Mapping[str, str] | None = None
    team: Team = field(default_factory=current_team)
    given_folders: set[Path] = field(default_factory=set)
    around: Callable[[str], AbstractContextManager[None]] = lambda kind: nullcontext()

    def __post_init__(self) -> None:
        if self.fresh and self.earlier is None:
            self.earlier = stamps_in(self.root)

    def get(self, stage: Stage, make: Callable[[Path], None]) -> Path:
        """The folder of the stage's result; `make` fills an empty folder when there is no sound one yet.

        Of several processes that ask for the same stage, one makes it and the others wait. Of those that were launched
        together only the first writes, and what it raises is raised in all. What is returned is not deleted by other
        processes for as long as this one lives. Raises EntryDeleted where somebody does so by other means.
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
        folder, name = self.folder(stage), f"{stage.name} {stage.digest[:8]}"
        is_told = False
        while True:
            with locked(folder, say_waiting=lambda: self.notice(f"another run is making {name}; waiting for it")):
                if not self._is_earlier(stage) or not is_read_elsewhere(folder, self.root):
                    self._make_if_missing(stage, make)
                    note_reading(folder, self.root)
                    self.given_folders.add(folder)
                    return folder
            if not is_told:
                self.notice(f"another run reads the {name} that --fresh makes again; waiting until it has ended")
                is_told = True
            time.sleep(SECONDS_BETWEEN_LOOKS)

    def _make_if_missing(self, stage: Stage, make: Callable[[Path], None]) -> None:
        fault = self._fault(stage)
        is_missing = fault is not None
        if fault:
            self.notice(f"the stored {stage.name} {stage.digest[:8]} is damaged ({fault}); it is made again")
        if is_missing:
            remove_unfinished(self.folder(stage))
            if self.fresh:
                shutil.rmtree(self.work_folder(stage), ignore_errors=True)
        if self.team.agree(is_missing):
            with self.around(stage.name):
                self._make(stage, make)
        # A process that was killed between the two has left it beside a finished stage.
        shutil.rmtree(self.work_folder(stage), ignore_errors=True)

    def _make(self, stage: Stage, make: Callable[[Path], None]) -> None:
        folder, start_seconds = self.folder(stage), time.perf_counter()
        with unfinished_folder(folder) as temporary:
            try:
                make(temporary)
                _write_record(temporary, stage, time.perf_counter() - start_seconds)
            except Exception as error:
                self._prove_nothing_deleted(temporary, error)
                raise
            # A library may take a file that is gone for one that is bad, and the step keep that as its result.
            self._prove_nothing_deleted(temporary, None)
            if not self.has(stage):  # a machine with which no locks are shared may have made it meanwhile
                remove_folder(folder)
                temporary.rename(folder)

    def _prove_nothing_deleted(self, temporary: Path, error: Exception | None) -> None:
        """Raise EntryDeleted, which comes from `error`, if somebody has deleted what a stage needs."""
        missing_folders = [path for path in (*sorted(self.given_folders), temporary) if not path.exists()]
        if missing_folders:
            raise EntryDeleted(deleted_sentence(missing_folders[0])) from error

    def has(self, stage: Stage) -> bool:
        """Whether a sound result is stored."""
        return self._fault(stage) is None

    def _fault(self, stage: Stage) -> str | None:
        """Why there is no sound result; empty where none is stored."""
        folder = self.folder(stage)
        return "" if self._is_earlier(stage) or not folder.exists() else _find_fault(folder)

    def _is_earlier(self, stage: Stage) -> bool:
        """Whether the stored result is of an earlier run, and so ignored."""
        if not self.earlier:
            return False
        stamp = self.earlier.get(f"{stage.name}/{stage.digest}")
        return stamp is not None and stamp == _stamp(self.folder(stage))

    def folder(self, stage: Stage) -> Path:
        """Where the stage's result is or would be."""
        return self.root / "stages" / stage.name / stage.digest

    def work_folder(self, stage: Stage) -> Path:
        """Where a stage may keep what it has done so far; deleted once the stage is finished."""
        return self.folder(stage).with_name(f".{stage.digest}{WORK}")


def stamps_in(root: Path) -> dict[str, str]:
    """What tells the stored results of now from those that are made in their place later, by kind and digest."""
    folders = [record.parent for record in (root / "stages").glob(f"*/[!.]*/{RECORD}")]
    return {f"{folder.parent.name}/{folder.name}": stamp for folder in folders if (stamp := _stamp(folder))}


def deleted_sentence(path: Path) -> str:
    """What is said of a part of the cache that somebody has deleted under a run."""
    return f"{path} was deleted while this run needed it; give the same command again, and it is made anew"


def _stamp(folder: Path) -> str | None:
    """The number of the record's file, with its time; none where there is no record."""
    try:
        status = (folder / RECORD).stat()
    except FileNotFoundError:
        return None
    return f"{status.st_ino} {status.st_mtime_ns}"


def read_record(folder: Path) -> dict[str, Any] | None:
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
    record = read_record(folder)
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
