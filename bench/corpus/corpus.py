"""A corpus as chunks: one file, a folder of files or of images, or the lines of standard input."""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.corpus.chunked_rows import CHUNK_ROWS, Chunk
from bench.corpus.columns import as_table, cast, find_schema, kept_columns
from bench.corpus.raw_rows import (
    KINDS,
    Cells,
    CountedFile,
    Fault,
    Row,
    check_names,
    is_whole,
    kind_of,
    parquet_batches,
    raw_rows,
    told,
)
from materials.errors import RequestError
from materials.files import files_below

if TYPE_CHECKING:
    import pyarrow as pa

STANDARD_INPUT, TEXT_LINES = "-", ".txt"
IMAGES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
PATH_COLUMN = "path"
IMAGES_AT_ONCE = 256  # decoded in memory


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """Where rows come from, which columns are read as items, and which are kept beside the answers (none: all).

    `schema` is that of the kept columns, once the first rows have shown it.
    """

    source: str
    text_columns: tuple[str, ...]
    keep: tuple[str, ...] | None = None
    is_of_images: bool = False
    schema: "pa.Schema | None" = None

    def files(self) -> list[Path]:
        """The files of the corpus, in the order in which they are read. Raises RequestError where there is none."""
        place = Path(self.source)
        if not place.exists():
            raise RequestError(f"there is no file or folder {self.source}")
        files = [path for path in (files_below(place) if place.is_dir() else [place]) if self._is_read(path)]
        if not files:
            wanted = ", ".join(IMAGES if self.is_of_images else KINDS)
            packed = "" if self.is_of_images else " (all but .parquet also with .gz or .zst)"
            raise RequestError(f"{self.source} holds nothing to score; expected {wanted}{packed}")
        return files

    def _is_read(self, path: Path) -> bool:
        return path.suffix.lower() in IMAGES if self.is_of_images else kind_of(path) is not None

    def chunks(self, first_row: int = 0) -> Iterator[Chunk]:
        """The rows from number `first_row` on, file by file. Raises RequestError where a file cannot be read."""
        if self.source == STANDARD_INPUT:
            rows = raw_rows(TEXT_LINES, sys.stdin.buffer)
            yield from islice(_chunks_of_rows(self, rows, 0, first_row, lambda: 0.0), 1, None)
            return
        files = self.files()
        if self.is_of_images:
            yield from _chunks_of_images(self, files, first_row)
            return
        corpus, row, before = self, 0, 0.0
        total = sum(path.stat().st_size for path in files) or 1
        for path in files:
            share = path.stat().st_size / total
            read = _chunks_of_parquet if kind_of(path) == ".parquet" else _chunks_of_file
            with told(path):
                for chunk in read(corpus, path, row, first_row):
                    row = chunk.next_row
                    if not chunk.row_numbers and not chunk.faults:  # rows that were passed over
                        continue
                    if corpus.schema is None and chunk.table.num_columns:
                        corpus = replace(corpus, schema=chunk.table.schema)
                    yield replace(chunk, share_read=before + share * chunk.share_read)
            before += share


def _chunks_of_images(corpus: Corpus, files: Sequence[Path], first_row: int) -> Iterator[Chunk]:
    rows = ({PATH_COLUMN: str(path)} for path in files)
    for chunk in islice(_chunks_of_rows(corpus, rows, 0, first_row, lambda: 0.0), 1, None):
        yield replace(chunk, share_read=chunk.next_row / len(files))


def _chunks_of_file(corpus: Corpus, path: Path, row: int, first_row: int) -> Iterator[Chunk]:
    """The chunks of a file of any kind but Parquet, whose first row is number `row` of the corpus."""
    file = CountedFile(path)
    try:
        rows = raw_rows(kind_of(path) or TEXT_LINES, file.stream)
        yield from _chunks_of_rows(corpus, rows, row, first_row, lambda: file.share_read)
    finally:
        file.close()


def _chunks_of_parquet(corpus: Corpus, path: Path, row: int, first_row: int) -> Iterator[Chunk]:
    """The chunks of a Parquet file; row groups before `first_row` are passed over unread."""
    from pyarrow.parquet import read_metadata, read_schema

    names = read_schema(path).names
    check_names(names)
    kept = kept_columns(names, corpus.keep, corpus.text_columns)
    rows_of_file = read_metadata(path).num_rows
    if row + rows_of_file <= first_row:
        yield _passed_over(row + rows_of_file)
    for start, total, table in parquet_batches(path, first_row - row, CHUNK_ROWS):
        values = [table.column(column).to_pylist() for column in corpus.text_columns]
        cells = [dict(zip(corpus.text_columns, row_values, strict=True)) for row_values in zip(*values, strict=True)]
        items, faults = _items(cells, corpus)
        of_good = table.select(kept).take(list(items)) if faults else table.select(kept)
        yield Chunk(
            first_row=row + start,
            items=list(items.values()),
            row_numbers=[row + start + index for index in items],
            table=of_good if corpus.schema is None else cast(of_good, corpus.schema, path),
            faults={row + start + index: reason for index, reason in faults.items()},
            share_read=(start + table.num_rows) / total,
        )


def _chunks_of_rows(
    corpus: Corpus, rows: Iterator[Row], row: int, first_row: int, share_read: Callable[[], float]
) -> Iterator[Chunk]:
    """Chunks of rows that come one by one, the first of them number `row` of the corpus."""
    schema = corpus.schema
    skipped = sum(1 for _ in islice(rows, max(0, first_row - row)))
    row += skipped
    yield _passed_over(row)
    while raw := list(islice(rows, IMAGES_AT_ONCE if corpus.is_of_images else CHUNK_ROWS)):
        whole = {index: cells for index, cells in enumerate(raw) if not isinstance(cells, Fault)}
        if schema is None and whole:
            names = list(dict.fromkeys(name for cells in whole.values() for name in cells))
            schema = find_schema(list(whole.values()), kept_columns(names, corpus.keep, corpus.text_columns))
        by_position, item_faults = _items(list(whole.values()), corpus)
        indices = list(whole)
        items = {indices[position]: item for position, item in by_position.items()}
        faults: dict[int, str] = {index: fault for index, fault in enumerate(raw) if isinstance(fault, Fault)}
        faults |= {indices[position]: reason for position, reason in item_faults.items()}
        table, misfits = as_table([whole[index] for index in items], schema or find_schema([], []))
        with_items = list(items)
        faults |= {with_items[position]: reason for position, reason in misfits.items()}
        good = [index for index in items if index not in faults]
        yield Chunk(
            first_row=row,
            items=[items[index] for index in good],
            row_numbers=[row + index for index in good],
            table=table,
            faults={row + index: faults[index] for index in sorted(faults)},
            share_read=min(1.0, share_read()),
        )
        row += len(raw)


def _passed_over(next_row: int) -> Chunk:
    """A chunk of nothing, which says how far the corpus was read."""
    import pyarrow as pa

    return Chunk(first_row=next_row, items=[], row_numbers=[], table=pa.table({}), share_read=0.0)


def _items(rows: Sequence[Cells], corpus: Corpus) -> tuple[dict[int, Any], dict[int, str]]:
    """The item of each row by position: a text, a path, or a pair; and what is wrong with the rows that have none."""
    items: dict[int, Any] = {}
    faults: dict[int, str] = {}
    for position, row in enumerate(rows):
        texts = [row.get(column) for column in corpus.text_columns]
        texts = [_decoded(text) for text in texts]
        bad = next((index for index, text in enumerate(texts) if not _is_text(text)), None)
        if bad is None:
            items[position] = texts[0] if len(texts) == 1 else tuple(texts)
        else:
            faults[position] = _fault(corpus.text_columns[bad], texts[bad])
    return items, faults


def _is_text(cell: Any) -> bool:
    return isinstance(cell, str) and bool(cell.strip()) and is_whole(cell)


def _decoded(cell: Any) -> Any:
    """Bytes as the text that they spell in UTF-8, else as they are; any other cell unchanged."""
    try:
        return cell.decode("utf-8") if isinstance(cell, bytes) else cell
    except UnicodeDecodeError:
        return cell


def _fault(column: str, cell: Any) -> str:
    if cell is None:
        return f"has no '{column}'"
    if isinstance(cell, str):
        return f"'{column}' holds half of a letter (a lone surrogate)" if cell.strip() else f"'{column}' is empty"
    return f"'{column}' is no text but {cell!a:.60}"
