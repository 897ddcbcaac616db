"""Rewrites an archive of torch without what tells of the machine that made it: source positions, code, folders."""

from collections.abc import Iterable
from pathlib import Path
from typing import IO
from zipfile import ZipFile

FILLER = b"."


def rewrite_archive(
    source: Path | IO[bytes], target: Path, *, left_out: tuple[str, ...], blanked: Iterable[Path] = ()
) -> None:
    """Copy a zip archive without the members whose names end in one of `left_out`.

    The names of the folders `blanked` become as many dots wherever they stand in the other members, so that nothing
    in them moves.
    """
    names = {str(path).encode() for folder in blanked for path in (folder, folder.resolve())}
    with ZipFile(source) as source_archive, ZipFile(target, "w") as target_archive:
        for member in source_archive.infolist():
            if member.filename.endswith(left_out):
                continue
            content = source_archive.read(member)
            # Longest first: a shorter name may be the beginning of a longer one, whose end would then stay.
            for name in sorted(names, key=len, reverse=True):
                content = content.replace(name, FILLER * len(name))
            target_archive.writestr(member, content)
