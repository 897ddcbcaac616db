"""Where distilbench keeps its files, and how a file comes into being: whole, or not at all."""

import contextlib
import glob
import hashlib
import json
import os
import platform
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from materials.errors import RequestError

UNFINISHED = ".tmp"  # how the names of temporary folders end


def cache_folder() -> Path:
    """The user's cache folder; the environment variable DISTILBENCH_CACHE overrides it."""
    override = os.environ.get("DISTILBENCH_CACHE")
    if override:
        return Path(override).expanduser()
    import platformdirs  # here, so that a bundle predicts where it is not installed

    return Path(platformdirs.user_cache_dir("distilbench"))


def host_name() -> str:
    """The name of this machine, as a part of a file's name."""
    return re.sub(r"[^A-Za-z0-9-]+", "-", platform.node()) or "unnamed"


@contextlib.contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Yield an empty temporary folder beside `target`; rename it to `target` when the block ends without an error.

    A folder that is there already is replaced.
    """
    with unfinished_folder(target) as temporary:
        yield temporary
        remove_folder(target)
        temporary.rename(target)


@contextlib.contextmanager
def unfinished_folder(target: Path) -> Iterator[Path]:
    """Yield an empty temporary folder beside `target`, which is deleted in the end if it has not been renamed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=_unfinished(target), suffix=UNFINISHED, dir=target.parent))
    temporary.chmod(0o755)
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def remove_folder(folder: Path) -> None:
    """Delete a folder if it is there, under a temporary name, so that nobody reads what is left of it meanwhile."""
    aside = folder.with_name(f"{_unfinished(folder)}{secrets.token_hex(4)}{UNFINISHED}")
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder.rename(aside), ignore_errors=True)


def remove_unfinished(target: Path) -> None:
    """Delete what processes of this machine that have died left of a folder; to be called under its lock.

    What another machine's left is kept, as its process may live where the file system does not share locks.
    """
    for leftover in target.parent.glob(f"{glob.escape(_unfinished(target))}*{UNFINISHED}"):
        shutil.rmtree(leftover, ignore_errors=True)


def target_of_unfinished(folder: Path) -> Path:
    """What a temporary folder, or one that has only a suffix, is to become."""
    name = folder.name.removeprefix(".")
    return folder.with_name(name.rsplit(".", 3)[0] if folder.suffix == UNFINISHED else name.rpartition(".")[0])


def _unfinished(target: Path) -> str:
    """How the name of a temporary folder for `target` begins."""
    return f".{target.name}.{host_name()}."


@contextlib.contextmanager
def new_file(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside `target`; rename it to `target` when the block ends without an error."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp" + target.suffix, dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def files_below(folder: Path) -> list[Path]:
    """All files below a folder, sorted; links to folders are followed, but for one that leads back to where it is."""
    return sorted(_files_below(folder, ()))


def _files_below(folder: Path, above: tuple[Path, ...]) -> Iterator[Path]:
    """The files below a folder that lies in those `above`, all of them without links."""
    resolved = folder.resolve()
    if resolved in above:
        return
    for path in folder.iterdir():
        if path.is_dir():
            yield from _files_below(path, (*above, resolved))
        else:
            yield path


def write_json(target: Path, content: Any) -> None:
    """Write `content` as indented JSON, whole or not at all."""
    with new_file(target) as temporary:
        temporary.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json_object(file: Path) -> dict[str, Any]:
    """The object in a JSON file; empty when there is no file. Raises RequestError for a damaged one."""
    if not file.is_file():
        return {}
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise RequestError(f"{file} is damaged: {error}") from None
    return content if isinstance(content, dict) else {}


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(content: Any) -> str:
    """The first 32 hexadecimal digits of the SHA-256 of `content` as canonical JSON."""
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:32]
