"""Where distilbench keeps its files, how a file comes into being, whole or not at all, and how JSON is trusted."""

import contextlib
import glob
import gzip
import hashlib
import json
import os
import platform
import re
import secrets
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, get_args, get_origin

from materials.errors import RequestError, in_one_line

if TYPE_CHECKING:
    import pandas as pd

FREE_BYTES, MOST_TIMES, PIECE_BYTES, BYTES_PER_CELL = 1 << 30, 100, 1 << 20, 8  # DEFLATE packs up to 1,032 to one
ROWS_AT_ONCE = 1024
LARGEST_NUMBER = 2**63  # beyond, numbers fit neither numpy nor a float exactly

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
    content = read_json(file)
    return content if isinstance(content, dict) else {}


def read_json(file: Path) -> Any:
    """What a JSON file holds. Raises RequestError for one that is damaged, or nested too deeply to be read."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise RequestError(f"{file} is damaged: {in_one_line(error)}") from None


def check_unpacked(file: Path, unpacked_bytes: int) -> None:
    """Raise RequestError for a file that announces, or turns out to hold, far more than files of its size do."""
    most = max(FREE_BYTES, MOST_TIMES * file.stat().st_size)
    if unpacked_bytes > most:
        raise RequestError(
            f"{file} would take {unpacked_bytes / 1e6:,.0f} MB unpacked, far more than files of its size do; expected "
            f"at most {most / 1e6:,.0f} MB: unpack it yourself if you trust it"
        )


def check_unpacked_gz(file: Path) -> None:
    """The same for a gzip file, which says nothing trustworthy of its size: it is unpacked once, and nothing kept."""
    unpacked_bytes = 0
    with gzip.open(file) as content:
        while part := content.read(PIECE_BYTES):
            unpacked_bytes += len(part)
            check_unpacked(file, unpacked_bytes)


def read_parquet(file: Path) -> "pd.DataFrame":
    """The rows of a Parquet file, once it has said how many there are.

    Raises RequestError where these are far too many for its size, where two columns have one name, and for text that is
    not UTF-8, of which else its first use tells. A damaged file raises whatever pyarrow and pandas come to.
    """
    import pandas as pd
    from pyarrow.parquet import ParquetFile, read_metadata

    metadata = read_metadata(file)
    declared_bytes = sum(metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups))
    check_unpacked(file, max(declared_bytes, metadata.num_rows * metadata.num_columns * BYTES_PER_CELL))
    for name, count in Counter(metadata.schema.to_arrow_schema().names).most_common(1):
        if count > 1:
            raise RequestError(f"{file} has {count} columns '{name}'; give each a name of its own")
    unpacked_bytes = 0
    with ParquetFile(file) as content:  # a value that many rows share is declared once, and takes its room in each
        for batch in content.iter_batches(batch_size=ROWS_AT_ONCE):
            unpacked_bytes += batch.nbytes
            check_unpacked(file, unpacked_bytes)
    frame = pd.read_parquet(file)
    for number, name in enumerate(frame.columns):
        try:
            frame.iloc[:, number].to_numpy()
        except Exception as error:  # pyarrow raises the base of all its errors
            reason = in_one_line(error)
            raise RequestError(f"column '{name}' of {file} holds text that is not UTF-8 ({reason})") from None
    return frame


def write_parquet(target: Path, frame: "pd.DataFrame") -> None:
    """Write a table under a temporary name.

    The bytes of its numbers are sorted by place, which makes files of logits half as large.
    """
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    numbers = {name for name in frame if is_numeric_dtype(frame[name]) and not is_bool_dtype(frame[name])}
    others = [name for name in frame if name not in numbers]
    with new_file(target) as temporary:
        frame.to_parquet(
            temporary,
            index=False,
            compression="zstd",
            compression_level=15,
            use_dictionary=others,
            column_encoding=dict.fromkeys(numbers, "BYTE_STREAM_SPLIT"),
        )


def check_types(record: Any) -> None:
    """Raise TypeError where a field of a dataclass that was read from JSON is not of its annotated type.

    Lists may stand for tuples, and whole numbers for others. Numbers are below 2 ** 63, and text can be encoded.
    """
    for field in fields(record):
        if not _fits(value := getattr(record, field.name), field.type):
            raise TypeError(f"{field.name} is {value!r:.60}")


def _fits(value: Any, kind: Any) -> bool:
    if isinstance(kind, type) and is_dataclass(kind):
        return isinstance(value, kind) and all(_fits(getattr(value, field.name), field.type) for field in fields(kind))
    arguments = get_args(kind)
    if get_origin(kind) is UnionType:
        return any(_fits(value, argument) for argument in arguments)
    if get_origin(kind) is tuple:
        return isinstance(value, list | tuple) and all(_fits(part, arguments[0]) for part in value)
    if get_origin(kind) is Mapping:
        return isinstance(value, Mapping) and all(
            _fits(key, str) and _fits(part, arguments[1]) for key, part in value.items()
        )
    if kind is Any:
        kinds = (tuple[Any, ...], Mapping[str, Any], str, bool, float, NoneType)
        return any(_fits(value, part) for part in kinds)
    return _is_plain(value, kind)


def _is_plain(value: Any, kind: Any) -> bool:
    if kind in (int, float):
        if isinstance(value, bool):
            return False
        is_small = isinstance(value, int) and abs(value) < LARGEST_NUMBER
        return is_small or (kind is float and isinstance(value, float))
    if kind is str and isinstance(value, str):
        return value.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in value)
    return isinstance(value, kind)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(content: Any) -> str:
    """The first 32 hexadecimal digits of the SHA-256 of `content` as canonical JSON."""
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:32]
