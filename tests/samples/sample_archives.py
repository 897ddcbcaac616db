"""Archives of all kinds, made by hand: Debian packages, .tar and .zip files with any names of members."""

import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path


def write_tar(file: Path | io.BytesIO, members: Mapping[str, bytes], mode: str = "w") -> None:
    """A .tar file with these members, whatever they are called."""
    where = {"fileobj": file} if isinstance(file, io.BytesIO) else {"name": file}
    with tarfile.open(mode=mode, **where) as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


def write_zip(file: Path, members: Mapping[str, bytes]) -> None:
    """A .zip file with these members."""
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)


def ar_of(members: Mapping[str, bytes]) -> bytes:
    """The bytes of an ar file."""
    parts = [b"!<arch>\n"]
    for name, content in members.items():
        header = f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n"
        parts += [header.encode(), content, b"\n" * (len(content) % 2)]
    return b"".join(parts)


def debian_of(members: Mapping[str, bytes], compression: str = "xz") -> bytes:
    """The bytes of a Debian package with these files; the compression of its data is xz, gz or zst."""
    data = io.BytesIO()
    write_tar(
        data,
        {f"./{name}": content for name, content in members.items()},
        "w" if compression == "zst" else f"w:{compression}",
    )
    packed = data.getvalue()
    if compression == "zst":
        import pyarrow

        packed = pyarrow.compress(packed, codec="zstd", asbytes=True)
    return ar_of({"debian-binary": b"2.0\n", "control.tar.xz": b"odd", f"data.tar.{compression}": packed})
