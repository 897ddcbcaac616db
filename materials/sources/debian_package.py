"""Reading a Debian package as a plain archive: an `ar` file whose member `data.tar` holds the files."""

import io
import lzma
import shutil
import tarfile
import zlib
from collections.abc import Collection
from pathlib import Path, PurePosixPath
from typing import IO

from materials.errors import RequestError, in_one_line

MAGIC = b"!<arch>\n"
# The common variant of ar(5): name 16 bytes, time 12, owner 6, group 6, mode 8, size 10, and two bytes that end it.
HEADER_BYTES, HEADER_END = 60, b"`\n"
NAME, SIZE = slice(0, 16), slice(48, 58)


def extract_debian_members(package: Path, members: Collection[str], folder: Path) -> None:
    """Write the named files of a package to `folder`, each by its file name; nothing else of it is read.

    Raises RequestError for what is no package, or one without such a file.
    """
    with package.open("rb") as file:
        name, content = _data_archive(file, package)
    missing = set(members)
    try:
        with tarfile.open(fileobj=_unpacked(name, content)) as data:
            for member in data:
                path = member.name.removeprefix("./")
                source = data.extractfile(member) if path in missing and member.isfile() else None
                if source is not None:
                    with (folder / PurePosixPath(path).name).open("wb") as target:
                        shutil.copyfileobj(source, target)
                    missing.remove(path)
    except (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, OSError) as error:
        raise RequestError(f"{package.name} is damaged: {in_one_line(error)}") from None
    if missing:
        raise RequestError(f"{package.name} holds no {sorted(missing)[0]}")


def _data_archive(file: IO[bytes], package: Path) -> tuple[str, bytes]:
    """The name and the bytes of `data.tar.*`."""
    if file.read(len(MAGIC)) != MAGIC:
        raise RequestError(f"{package.name} is no Debian package")
    while len(header := file.read(HEADER_BYTES)) == HEADER_BYTES and header.endswith(HEADER_END):
        # Some writers of ar files end a name with a slash; numbers are decimal and padded with spaces.
        name, size = header[NAME].decode("ascii", "replace").strip().rstrip("/"), header[SIZE].strip()
        if not size.isdigit():
            break
        if name.startswith("data.tar"):
            return name, file.read(int(size))
        file.seek(int(size) + int(size) % 2, io.SEEK_CUR)  # members start at even offsets
    raise RequestError(f"{package.name} is damaged: it has no member data.tar")


def _unpacked(name: str, content: bytes) -> IO[bytes]:
    """The bytes of a .tar file in a compression that tarfile knows."""
    if not name.endswith(".zst"):  # which tarfile reads from Python 3.14 on
        return io.BytesIO(content)
    import pyarrow

    return io.BytesIO(pyarrow.CompressedInputStream(io.BytesIO(content), "zstd").read())
