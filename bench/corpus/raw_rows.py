"""Rows of one file of a corpus, one by one or batch by batch, without ever holding the file."""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from materials.errors import RequestError, in_one_line

if TYPE_CHECKING:
    import pyarrow as pa

PACKED = {".gz": "gzip", ".zst": "zstd"}
KINDS = (".csv", ".tsv", ".jsonl", ".txt", ".parquet")
LINES = "text"  # the one column of a file with a text a line
LARGEST_FIELD = 2**31 - 1
Cells = Mapping[str, Any]  # of one row, by column
NOT_UTF8 = "is not UTF-8"


class Fault(str):
    """What is wrong with a row that has no cells, in words that follow "row N"."""


Row = Cells | Fault


def kind_of(path: Path) -> str | None:
    """The kind of a file by its name without .gz and .zst, in any case; none for a name that is of none."""
    suffixes = [suffix.lower() for suffix in path.suffixes[-2:]]
    is_packed = bool(suffixes) and suffixes[-1] in PACKED
    kind = suffixes[0] if is_packed and len(suffixes) == 2 else path.suffix.lower()
    return kind if kind in KINDS and not (is_packed and kind == ".parquet") else None


class CountedFile:
    """A binary file of rows, packed or not, that knows how far it was read."""

    def __init__(self, path: Path) -> None:
        import pyarrow as pa

        self.path = path
        self.size = path.stat().st_size
        self._raw = pa.OSFile(str(path))
        codec = PACKED.get(path.suffix.lower())
        self.stream = pa.CompressedInputStream(self._raw, codec) if codec else self._raw

    @property
    def share_read(self) -> float:
        """How much of the file was read, from 0 to 1."""
        return 1.0 if self._raw.closed or not self.size else min(1.0, self._raw.tell() / self.size)

    def close(self) -> None:
        """Close the file."""
        if not self._raw.closed:  # as it is at its end
            self.stream.close()
            self._raw.close()


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turn what libraries raise of a damaged file into one sentence."""
    try:
        yield
    except RequestError:
        raise
    except (OSError, EOFError, ValueError, csv.Error) as error:
        raise RequestError(f"{path} cannot be read further: {in_one_line(error)}") from error


def raw_rows(kind: str, stream: Any) -> Iterator[Row]:
    """The rows of a binary stream of a kind but Parquet."""
    # As `run` reads such files: a byte order mark is none of the text, and only a line feed ends a line.
    newline = "" if kind in (".csv", ".tsv") else "\n"
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline=newline)
    if kind in (".csv", ".tsv"):
        return _separated_rows(text, tab=kind == ".tsv")
    return _json_rows(text) if kind == ".jsonl" else _line_rows(text)


def is_whole(text: str) -> bool:
    """Whether nothing in a text stands for a byte that was no UTF-8, or is half of a letter."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def _line_rows(lines: Iterator[str]) -> Iterator[Row]:
    for line in lines:
        yield {LINES: line.rstrip("\r\n")} if is_whole(line) else Fault(NOT_UTF8)


def _json_rows(lines: Iterator[str]) -> Iterator[Row]:
    for line in lines:
        if not line.strip():
            continue
        if not is_whole(line):
            yield Fault(NOT_UTF8)
            continue
        try:
            cells = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield Fault(f"is no JSON: {in_one_line(error)}")
            continue
        yield cells if isinstance(cells, dict) else Fault(f"is no JSON object but {type(cells).__name__}")


def check_names(names: Sequence[str]) -> None:
    """Raises ValueError where two columns have one name, of which an output could keep only one."""
    for name, count in Counter(names).most_common(1):
        if count > 1:
            raise ValueError(f"{count} columns are called '{name}'; give each a name of its own")


def _separated_rows(text: io.TextIOWrapper, *, tab: bool) -> Iterator[Row]:
    """Rows of CSV, or of TSV, in which a quote is a letter like any other."""
    csv.field_size_limit(LARGEST_FIELD)
    rows = csv.reader(text, delimiter="\t", quoting=csv.QUOTE_NONE) if tab else csv.reader(text, strict=True)
    header = next(rows, None)
    if header is None:
        return
    check_names(header)
    for cells in rows:
        if not cells:
            continue
        if len(cells) != len(header):
            yield Fault(f"has {len(cells)} cells where the header has {len(header)}")
        elif not all(map(str.isascii, cells)) and not all(map(is_whole, cells)):
            yield Fault(NOT_UTF8)
        else:
            yield dict(zip(header, cells, strict=True))


def parquet_batches(path: Path, first_row: int, rows: int) -> "Iterator[tuple[int, int, pa.Table]]":
    """Tables of at most `rows` rows of a Parquet file from row `first_row` on.

    With each come the number of its first row and how many rows the file has. Row groups before are not read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(path, memory_map=True) as file:
        start, total = 0, file.metadata.num_rows
        for group in range(file.num_row_groups):
            group_rows = file.metadata.row_group(group).num_rows
            if start + group_rows <= first_row:
                start += group_rows
                continue
            for batch in file.iter_batches(batch_size=rows, row_groups=[group]):
                skipped = max(0, first_row - start)
                if skipped < batch.num_rows:
                    yield start + skipped, total, pa.Table.from_batches([batch.slice(skipped)])
                start += batch.num_rows
