"""Score a corpus of any size: read, answered and written chunk by chunk, in the memory of a few of them."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from bench.corpus.answering import answers
from bench.corpus.chunked_rows import Answers, Chunk
from bench.corpus.corpus import PATH_COLUMN, STANDARD_INPUT, Corpus
from bench.corpus.parts import Parts, open_parts
from bench.reports.screen import Screen
from export.bundle import Bundle, read_bundle
from materials.errors import RequestError
from materials.files import digest

if TYPE_CHECKING:
    import pyarrow as pa

PART_ROWS, PART_BYTES = 131_072, 1 << 27  # a crash costs so many rows at most, fewer where they are long
LABEL, CONFIDENCE, UNSURE, PROBABILITY = "predicted_label", "confidence", "unsure", "probability: "


@dataclass(frozen=True, kw_only=True)
class ScoreOrder:
    """A bundle, a corpus, and what to write; `keep` none keeps every column of the corpus."""

    bundle: Path
    source: str
    output: Path
    text: str = "text"
    text_pair: str | None = None
    keep: tuple[str, ...] | None = None
    all_labels: bool = False
    jobs: int = 1
    threads: int = 1
    allow_code: bool = False
    resume: bool = False


@dataclass
class _Pending:
    """What is scored and not yet in a part; `schema` is none until the first row is answered."""

    schema: "pa.Schema | None"
    tables: "list[pa.Table]" = field(default_factory=list)
    faults: dict[int, str] = field(default_factory=dict)
    next_row: int = 0

    @property
    def is_full(self) -> bool:
        rows = sum(table.num_rows for table in self.tables) + len(self.faults)
        return rows >= PART_ROWS or sum(table.nbytes for table in self.tables) >= PART_BYTES

    def add(self, table: "pa.Table", faults: Mapping[int, str], next_row: int) -> None:
        """Take the rows of a chunk, after which the corpus goes on with `next_row`."""
        if table.num_rows:
            self.schema = self.schema or table.schema
            self.tables.append(table.cast(self.schema))
        self.faults |= faults
        self.next_row = next_row

    def write(self, parts: Parts) -> None:
        """Make a part of them; nothing where there are none, or only faults before the first answer."""
        import pyarrow as pa

        if self.schema is None or not (self.tables or self.faults):
            return
        parts.add(pa.concat_tables([self.schema.empty_table(), *self.tables]), self.faults, self.next_row)
        self.tables, self.faults = [], {}


def score_corpus(order: ScoreOrder, screen: Screen) -> Parts:
    """Write the answers for every row of a corpus to one Parquet file, and rows without one to a file beside it.

    Order is kept. Finished parts of the output stay in a folder beside it until it is whole, from which --resume goes
    on. Raises RequestError for a corpus that cannot be read; what was scored before that is kept.
    """
    if order.output.suffix != ".parquet":
        raise RequestError(f"--output needs a file named .parquet; got {order.output}")
    if order.source != STANDARD_INPUT and order.output.resolve().is_relative_to(Path(order.source).resolve()):
        raise RequestError(f"--output {order.output} lies in the corpus itself; name a place outside {order.source}")
    bundle = read_bundle(order.bundle, allow_code=order.allow_code)
    corpus = _corpus(order, bundle)
    order.output.parent.mkdir(parents=True, exist_ok=True)
    folder = order.output.with_name(f"{order.output.name}.parts")
    lock = order.output.with_name(f".{order.output.name}.lock")  # left there: who deletes a lock lets two in
    try:
        with FileLock(lock, timeout=0):
            parts = open_parts(folder, _settings(order, corpus), resume=order.resume)
            _score(order, bundle, corpus, parts, screen)
            side_file = parts.join(order.output)
            parts.remove()
    except Timeout:
        raise RequestError(f"another process is scoring into {order.output}; give another --output") from None
    if side_file:
        screen.notice(f"{parts.faults:,} rows could not be scored; {side_file} names each with its reason")
    return parts


def _corpus(order: ScoreOrder, bundle: Bundle) -> Corpus:
    is_of_images = bundle.modality == "image"
    if bundle.modality == "pair" and order.text_pair is None:
        raise RequestError("the bundle reads pairs of texts; name the column of the second with --text-pair")
    if bundle.modality != "pair" and order.text_pair is not None:
        raise RequestError(f"--text-pair is for bundles of pairs; this one is of {bundle.modality}s")
    columns = (PATH_COLUMN,) if is_of_images else (order.text, *([order.text_pair] if order.text_pair else []))
    corpus = Corpus(source=order.source, text_columns=columns, keep=order.keep, is_of_images=is_of_images)
    if order.source != STANDARD_INPUT:
        corpus.files()
    return corpus


def _settings(order: ScoreOrder, corpus: Corpus) -> dict[str, object]:
    """What parts of one output must have in common: the bundle's files, the corpus's files, and the columns."""
    files = [] if order.source == STANDARD_INPUT else corpus.files()
    stats = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    return {
        "bundle": digest((order.bundle / "bundle.json").read_text(encoding="utf-8")),
        "data": order.source,
        "files": digest(str(stats)),
        "text": list(corpus.text_columns),
        "keep": None if order.keep is None else list(order.keep),
        "all": order.all_labels,
    }


def _score(order: ScoreOrder, bundle: Bundle, corpus: Corpus, parts: Parts, screen: Screen) -> None:
    """Add part after part until the corpus ends. Raises RequestError where it cannot be read on."""
    pending = _Pending(schema=parts.schema())
    start_rows, start_seconds = parts.rows, time.perf_counter()
    if pending.schema:
        corpus = replace(corpus, schema=_of_corpus(pending.schema))
        screen.notice(f"goes on after {parts.next_row:,} rows")
    with screen.step(f"scoring {order.source} with {bundle.folder}") as report:
        chunks = corpus.chunks(parts.next_row)
        answered = answers(chunks, order.bundle, jobs=order.jobs, threads=order.threads, allow_code=order.allow_code)
        try:
            for chunk, chunk_answers in answered:
                table, chunk_faults = _scored(chunk, chunk_answers, bundle.label_names if order.all_labels else ())
                pending.add(table, chunk_faults, chunk.next_row)
                if pending.is_full:
                    pending.write(parts)
                if chunk.share_read:  # no text file says how many rows it has
                    report(chunk.next_row, max(chunk.next_row, round(chunk.next_row / chunk.share_read)))
        finally:  # a corpus that ends in the middle too
            pending.write(parts)
    if not parts.parts:
        raise RequestError(f"{order.source} has no row that can be scored{_first(pending.faults)}")
    seconds = time.perf_counter() - start_seconds
    rows = parts.rows - start_rows
    screen.notice(f"{rows:,} rows scored in {seconds:.1f} s, {rows / max(seconds, 1e-9):,.0f} rows/s")


def _first(faults: Mapping[int, str]) -> str:
    """The first of the rows that cannot be scored, in words."""
    return "".join(f": row {row} {reason}" for row, reason in list(faults.items())[:1])


def _of_corpus(schema: "pa.Schema") -> "pa.Schema":
    """The columns of a part that are the corpus's own."""
    import pyarrow as pa

    answers_begin = schema.get_field_index(LABEL)
    return pa.schema([schema.field(index) for index in range(answers_begin)])


def _scored(chunk: Chunk, of_chunk: Answers, names: Sequence[str]) -> "tuple[pa.Table, dict[int, str]]":
    """The kept columns of the rows that were answered with the answers beside them, and every row with a fault.

    Raises RequestError where a column of the corpus has a name that the answers need.
    """
    import pyarrow as pa

    answered = [position for position in range(len(chunk.items)) if position not in of_chunk.faults]
    table = chunk.table.take(answered) if of_chunk.faults else chunk.table
    columns: dict[str, pa.Array] = {LABEL: pa.array(of_chunk.labels)}
    if of_chunk.confidence is not None:
        columns[CONFIDENCE] = pa.array(of_chunk.confidence)
    if of_chunk.is_unsure is not None:
        columns[UNSURE] = pa.array(of_chunk.is_unsure)
    if of_chunk.probabilities is not None:
        columns |= {f"{PROBABILITY}{name}": pa.array(of_chunk.probabilities[:, at]) for at, name in enumerate(names)}
    taken = sorted(set(columns) & set(table.column_names))
    if taken:
        raise RequestError(f"the corpus has a column '{taken[0]}', which the answers need; leave it out with --keep")
    faults = chunk.faults | {chunk.row_numbers[at]: reason for at, reason in of_chunk.faults.items()}
    for name, column in columns.items():
        table = table.append_column(name, column)
    return table, dict(sorted(faults.items()))
