"""A .tar or .zip file of images, unpacked once into the cache: images only, and nothing outside its own folder."""

import lzma
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

from materials.cache.locks import locked
from materials.cache.readers import note_reading
from materials.errors import RequestError, in_one_line
from materials.files import check_unpacked, digest, new_folder, read_json_object, sha256_of, write_json
from materials.report import Report
from materials.sources.image_folder import SUFFIXES, holds_images, is_part

ARCHIVE_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".zip")
RECORD = ".unpacked.json"
MOST_NAMES = 3
OF_MACS = "__MACOSX"
DAMAGES = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError),
    *(NotImplementedError, RuntimeError, ValueError),
)


@dataclass(kw_only=True)
class Unpacked:
    """The images of an archive: the folder in which classes or parts lie, and what was left out."""

    folder: Path
    left_out: list[str] = field(default_factory=list)

    @property
    def notes(self) -> tuple[str, ...]:
        """A sentence on the members that were left out; none where all are images."""
        if not self.left_out:
            return ()
        names = ", ".join(self.left_out[:MOST_NAMES]) + (", ..." if len(self.left_out) > MOST_NAMES else "")
        return (
            f"{len(self.left_out):,} members of the archive are left out, as they are no images "
            f"({', '.join(SUFFIXES)}), links, or lie outside it: {names}",
        )


def unpack(archive: Path, root: Path, report: Report) -> Unpacked:
    """Unpack an archive's images below the cache folder `root`, where that was not done before.

    `report` is called with (bytes so far, bytes in all). Raises RequestError for an archive that is not there, damaged,
    or without images; nothing is kept then.
    """
    if not archive.is_file():
        raise RequestError(f"there is no file {archive}; expected a {', '.join(ARCHIVE_SUFFIXES)} file of images")
    folder = archive_folder(archive, root)
    with locked(folder):
        if not (folder / RECORD).is_file():
            with new_folder(folder) as temporary:
                left_out = _unpack(archive, temporary, report)
                write_json(temporary / RECORD, {"left_out": left_out})
        note_reading(folder, root)
    return Unpacked(folder=_unwrapped(folder), left_out=read_json_object(folder / RECORD).get("left_out", []))


def archive_folder(archive: Path, root: Path) -> Path:
    """Where below `root` the images of an archive are, or would be."""
    return root / "materials" / f"images-{digest(sha256_of(archive))}"


def safe_path(name: str) -> PurePosixPath | None:
    """The path of an archive's member that is a shown image below the archive's own folder; none for any other."""
    path = PurePosixPath(name.removeprefix("./"))
    is_inside = not path.is_absolute() and ".." not in path.parts and "\0" not in name and "\\" not in name
    is_shown = bool(path.parts) and not any(part.startswith(".") for part in path.parts)
    return path if is_inside and is_shown and path.suffix.lower() in SUFFIXES else None


def _unpack(archive: Path, folder: Path, report: Report) -> list[str]:
    """Write the images to the folder; the names of the members that are left out."""
    members = _members_of_zip if archive.suffix.lower() == ".zip" else _members_of_tar
    left_out: list[str] = []
    folders: set[PurePosixPath] = set()
    count = 0
    try:
        with archive.open("rb") as file:
            for name, content in members(file, archive.stat().st_size, report):
                path = safe_path(name)
                if path is None or content is None:
                    if inside := _safe_folder(name):
                        folders.add(inside)
                    if not name.endswith("/"):
                        left_out.append(name)
                    continue
                target = folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("wb") as written:
                    shutil.copyfileobj(content, written)
                count += 1
    except RequestError:
        raise
    except DAMAGES as error:
        raise RequestError(f"{archive} cannot be unpacked: {in_one_line(error)}") from None
    if not count:
        is_of_windows = any("\\" in name for name in left_out)
        advice = "; its names have backslashes in place of slashes: pack it again" if is_of_windows else ""
        raise RequestError(f"{archive} holds no images ({', '.join(SUFFIXES)}){advice}")
    # A class without an image is refused by name, as in a folder, so it must not vanish.
    for path in folders:
        beside = (folder / path).parent
        if beside.is_dir() and any(holds_images(other) for other in beside.iterdir() if other.is_dir()):
            (folder / path).mkdir(exist_ok=True)
    return sorted(left_out)


def _safe_folder(name: str) -> PurePosixPath | None:
    """The folder that a member is, or lies in, where it is a shown one below the archive's own folder."""
    path = PurePosixPath(name.removeprefix("./"))
    image = safe_path(str((path if name.endswith("/") else path.parent) / f"image{SUFFIXES[0]}"))
    return image.parent if image and image.parent.parts and OF_MACS not in image.parts else None


def _members_of_tar(file: IO[bytes], size_bytes: int, report: Report) -> Iterator[tuple[str, IO[bytes] | None]]:
    """The names of all members with their content; none for links, devices and folders, whose names end in a slash."""
    with tarfile.open(fileobj=file) as content:
        unpacked_bytes = 0
        for member in content:
            report(min(file.tell(), size_bytes), size_bytes)
            unpacked_bytes += member.size
            check_unpacked(Path(file.name), unpacked_bytes)
            name = f"{member.name.rstrip('/')}/" if member.isdir() else member.name
            yield name, content.extractfile(member) if member.isfile() else None


def _members_of_zip(file: IO[bytes], size_bytes: int, report: Report) -> Iterator[tuple[str, IO[bytes] | None]]:
    with zipfile.ZipFile(file) as content:
        check_unpacked(Path(file.name), sum(member.file_size for member in content.infolist()))
        done_bytes = 0
        for member in content.infolist():
            report(min(done_bytes, size_bytes), size_bytes)
            done_bytes += member.compress_size
            if member.is_dir():
                yield member.filename, None
                continue
            # The upper half holds the mode of a file that was packed on Unix.
            if stat.S_ISLNK(member.external_attr >> 16) or safe_path(member.filename) is None:
                yield member.filename, None
                continue
            with content.open(member) as stream:
                yield member.filename, stream


def _unwrapped(folder: Path) -> Path:
    """The folder that holds parts or classes: a folder whose only entry is a folder of folders is passed over."""
    while True:
        entries = [path for path in folder.iterdir() if not path.name.startswith(".")]
        if len(entries) != 1 or not entries[0].is_dir() or is_part(entries[0].name):
            return folder
        if any(path.is_file() for path in entries[0].iterdir()):  # a class alone
            return folder
        folder = entries[0]
