"""Reading a user's CSV, TSV, JSONL, Parquet or TXT file, and refusing what cannot be classified."""

import csv
import gzip
import json
import re
import sys
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from materials.errors import RequestError, in_one_line
from materials.files import check_unpacked_gz, read_parquet
from materials.rows import Table
from materials.tasks.single_label import SingleLabel
from materials.tasks.task import Task, are_list, as_name

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet", ".txt", ".csv.gz", ".tsv.gz", ".jsonl.gz", ".txt.gz")
WRITTEN_BYTES = re.compile(r"""b(?:'.*'|".*")""", re.DOTALL)
LINES = "text"  # the one column of a file with a text a line


def read_table(
    path: Path,
    *,
    text: str,
    text_pair: str | None = None,
    label: str | None = None,
    task: Task | None = None,
    separator: str | None = None,
    drop_missing: bool = False,
) -> Table:
    """The items and labels of a file; without `label`, a column named 'label' is used if there is one.

    Items are texts, or pairs of them where `text_pair` names a second column. Labels are those of `task`, by default
    one class a row; `separator` stands between several labels in one cell.
    Raises RequestError for a file that is missing, empty, not UTF-8, of an unknown kind, without the named columns,
    with a column that is nearly called 'label' in place of it, or with empty texts or labels; with `drop_missing`, rows
    with an empty text or label are left out.
    """
    task = task or SingleLabel()
    text_columns = [text, *([text_pair] if text_pair else [])]
    says_none = task.may_be_empty and separator is not None
    needed_columns = text_columns if says_none else [*text_columns, label or "label"]
    frame, dropped_count = _with_rows(path, needed_columns if drop_missing else [])
    items, labels = _items(frame, text_columns, path), None
    if label is not None or "label" in frame.columns or called_nearly("label", frame.columns):
        cells = _cells(frame, label or "label", path, "label", "--label", lists=task.may_be_empty)
        labels = task.read_labels(cells, separator=separator, where=f"column '{label or 'label'}' of {path}")
    return Table(items=items, labels=labels, modality=_modality(text_pair), dropped=dropped_count)


def read_texts(
    path: Path, *, text: str, text_pair: str | None = None, option: str = "--text", drop_missing: bool = False
) -> Table:
    """The texts or pairs of a file, whose labels, if it has any, are not read; `option` is what names their column.

    Raises RequestError as `read_table` does.
    """
    text_columns = [text, *([text_pair] if text_pair else [])]
    frame, dropped_count = _with_rows(path, text_columns if drop_missing else [])
    items = _items(frame, text_columns, path, option)
    return Table(items=items, labels=None, modality=_modality(text_pair), dropped=dropped_count)


def read_frame_of_items(path: Path, columns: Sequence[str]) -> "tuple[pd.DataFrame, list[Any], int]":
    """All columns of the rows of a file that have a text, its texts or pairs, and how many rows have none.

    Raises RequestError as `read_table` does.
    """
    frame, dropped_count = _with_rows(path, columns)
    return frame.reset_index(drop=True), _items(frame, columns, path), dropped_count


def class_names_in(path: Path) -> dict[str, dict[int, str]]:
    """The names of class numbers that a Parquet file says as `datasets` does, by column."""
    from pyarrow.parquet import read_schema

    features = json.loads((read_schema(path).metadata or {}).get(b"huggingface", b"{}"))
    return {
        column: dict(enumerate(feature.get("names") or ()))
        for column, feature in features.get("info", {}).get("features", {}).items()
        if isinstance(feature, dict) and (feature.get("_type") == "ClassLabel" or "names" in feature)
    }


def _modality(text_pair: str | None) -> str:
    return "pair" if text_pair else "text"


def _items(frame: "pd.DataFrame", columns: Sequence[str], path: Path, option: str = "--text") -> list[Any]:
    """The texts of one column, or the pairs of two."""
    if len(set(columns)) < len(columns):
        raise RequestError(f"--text and --text-pair name the same column '{columns[0]}' of {path}; name two")
    texts = []
    for column, name in zip(columns, (option, "--text-pair"), strict=False):
        texts.append([as_name(cell) for cell in _cells(frame, column, path, "text", name)])
    return texts[0] if len(texts) == 1 else list(zip(*texts, strict=True))


def _with_rows(path: Path, needed_columns: Sequence[str]) -> "tuple[pd.DataFrame, int]":
    """The rows of a file that have a value in the columns needed, and how many have not.

    Empty lines of a file with a text a line are always left out.
    """
    frame = _read_frame(path)
    if _kind(path).startswith(".txt"):
        needed_columns = [LINES]
    if frame.empty:
        raise RequestError(f"{path} has no rows; expected a header and at least one row")
    is_missing = frame[[name for name in needed_columns if name in frame.columns]].apply(_is_empty).any(axis=1)
    if is_missing.all():
        raise RequestError(f"no row of {path} has a value in each of the columns {', '.join(needed_columns)}")
    return frame[~is_missing], int(is_missing.sum())


def _read_frame(path: Path) -> "pd.DataFrame":
    import pandas as pd

    if not path.is_file():
        raise RequestError(
            f"there is no file {path}; expected a {', '.join(SUFFIXES[:5])} file (or .gz); paths "
            "are those from the folder where the command runs"
        )
    if path.stat().st_size == 0:
        raise RequestError(f"{path} is empty; expected a header and at least one row")
    kind = _kind(path)
    try:
        if path.suffix == ".gz":
            check_unpacked_gz(path)
        if kind.startswith(".txt"):
            return _lines(path)
        if kind == ".parquet":
            return _with_class_names(read_parquet(path), path)
        if kind.startswith(".jsonl"):
            return pd.read_json(path, lines=True, dtype=False, encoding="utf-8-sig")
        if kind.startswith((".csv", ".tsv")):
            separator = "\t" if kind.startswith(".tsv") else ","
            options: dict[str, Any] = {"dtype": str, "keep_default_na": False, "encoding": "utf-8"}
            options["quoting"] = _quoting(path, separator)
            with warnings.catch_warnings():
                warnings.simplefilter("error", pd.errors.ParserWarning)
                frame = pd.read_csv(path, sep=separator, index_col=False, **options)
            # As they stand there: pandas would call the second column of one name by another.
            frame.columns = pd.read_csv(path, sep=separator, header=None, nrows=1, **options).iloc[0]
            return frame
    except UnicodeDecodeError as error:
        raise RequestError(f"{path} is not UTF-8 ({error.reason} at byte {error.start}); convert it first") from None
    except pd.errors.ParserWarning:
        advice = "quote texts that hold a comma" if kind.startswith(".csv") else "a tab cannot stand in a text"
        raise RequestError(f"{path} has rows with more fields than its header; {advice}") from None
    except RequestError:
        raise
    except PermissionError:
        raise
    except Exception as error:  # of any kind: pyarrow and pandas trust what a file says of itself
        raise RequestError(f"{path} cannot be read as {kind}: {in_one_line(error)}") from None
    raise RequestError(f"{path} is of an unknown kind '{path.suffix}'; known: {', '.join(SUFFIXES)}")


def _quoting(path: Path, separator: str) -> int:
    """Whether quotes stand around fields, as `csv` numbers it: always in CSV, and in TSV where all of them do so.

    In TSV a quote is a letter like any as soon as one opens a field that does not end with one, or that would reach
    over tabs and lines. Raises RequestError for one in CSV that reaches over lines to the next quote in some text.
    """
    csv.field_size_limit(sys.maxsize)
    opened: Any = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8-sig", newline="") as lines:
        reader, width, first_line = csv.reader(lines, delimiter=separator, strict=True), 0, 1
        while True:
            try:
                cells = next(reader, None)
            except csv.Error:
                cells = []
                if separator == "\t":
                    return csv.QUOTE_NONE
                if reader.line_num > first_line:
                    raise RequestError(
                        f"{path} has a quote in line {first_line} that opens a cell and is not closed before line "
                        f"{reader.line_num}, where text follows it; close it, or write it twice within quotes"
                    ) from None
            if cells is None:
                return csv.QUOTE_MINIMAL
            width = width or len(cells)
            if separator == "\t" and cells and (len(cells) != width or any(_reaches_over(cell) for cell in cells)):
                return csv.QUOTE_NONE
            first_line = reader.line_num + 1


def _reaches_over(cell: str) -> bool:
    """Whether a field of a TSV holds what parts fields and lines."""
    return "\t" in cell and "\n" in cell


def _kind(path: Path) -> str:
    """The suffix that says how a file is written, with that of its compression."""
    return "".join(path.suffixes[-2:]).lower() if path.suffix == ".gz" else path.suffix.lower()


def _lines(path: Path) -> "pd.DataFrame":
    """The lines of a file, one a row; only a line feed ends a line."""
    import pandas as pd

    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    lines = content.decode("utf-8-sig").removesuffix("\n").split("\n")
    return pd.DataFrame({LINES: [line.removesuffix("\r") for line in lines]})


def _with_class_names(frame: "pd.DataFrame", path: Path) -> "pd.DataFrame":
    """Names in place of class numbers, where the file says them as `datasets` does; a number without a name stays."""
    for column, names in class_names_in(path).items():
        if column in frame.columns:
            frame[column] = [names.get(value, value) for value in frame[column].tolist()]
    return frame


def _cells(
    frame: "pd.DataFrame", name: str, path: Path, content: str, option: str, *, lists: bool = False
) -> list[Any]:
    """The cells of a column. Raises RequestError where one is empty, or a list where none may stand.

    Of several labels a row, an empty list says that there is none, and so does an empty text, which the task reads.
    """
    if name not in frame.columns:
        columns = ", ".join(str(column) for column in frame.columns)
        nearest = called_nearly(name, frame.columns)
        hint = f"; did you mean '{nearest}'?" if nearest else ";"
        raise RequestError(f"{path} has no column '{name}'{hint} name one with {option}; columns: {columns}")
    if (count := list(frame.columns).count(name)) > 1:
        raise RequestError(f"{path} has {count} columns '{name}'; give each a name of its own")
    cells = [decoded(cell, row, f"column '{name}' of {path}") for row, cell in enumerate(frame[name].tolist(), 1)]
    if cells and all(isinstance(cell, str) and WRITTEN_BYTES.fullmatch(cell) for cell in cells):
        raise RequestError(
            f"column '{name}' of {path} holds bytes as Python prints them ({cells[0]!r:.40}); write the text instead"
        )
    if mappings := [row for row, cell in enumerate(cells, 1) if isinstance(cell, dict)]:
        raise RequestError(f"column '{name}' of {path} holds a mapping in row {mappings[0]}; expected one {content}")
    list_rows = [row for row, cell in enumerate(cells, 1) if are_list(cell)]
    if list_rows and not lists:
        advice = " (several labels a row are the task multi-label)" if content == "label" else ""
        raise RequestError(
            f"column '{name}' of {path} holds a list in row {list_rows[0]}; expected one {content}{advice}"
        )
    may_stand = {*list_rows, *(row for row, cell in enumerate(cells, 1) if lists and isinstance(cell, str))}
    empty_rows = [row for row, cell in enumerate(cells, 1) if _is_empty_cell(cell) and row not in may_stand]
    if empty_rows:
        rows = ", ".join(str(row) for row in empty_rows[:5]) + (", ..." if len(empty_rows) > 5 else "")
        raise RequestError(
            f"{len(empty_rows)} of {len(frame)} rows of {path} have no {content} in column '{name}' (row {rows}); "
            "remove or fill them; a run leaves them out with --set data.drop_missing=true"
        )
    return cells


def called_nearly(name: str, columns: Iterable[Any]) -> str | None:
    """The column of which only capitals or white space tell that it is not called so."""
    return next((str(column) for column in columns if str(column).strip().casefold() == name.casefold()), None)


def decoded(cell: Any, row: int, where: str) -> Any:
    """A cell with text in place of bytes, within a list too. Raises RequestError for bytes that are no UTF-8."""
    if are_list(cell):
        return [decoded(part, row, where) for part in cell]
    if not isinstance(cell, bytes):
        return cell
    try:
        return cell.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RequestError(f"{where} holds bytes in row {row} that are not UTF-8 ({error.reason})") from None


def _is_empty(values: "pd.Series[Any]") -> "pd.Series[bool]":
    """Where there is no value, or one of white space alone; a list is a value, be it empty."""
    return values.map(lambda cell: not are_list(cell) and _is_empty_cell(cell)).astype(bool)


def _is_empty_cell(cell: Any) -> bool:
    """Whether a cell holds no value, white space alone, or an empty list."""
    if are_list(cell):
        return len(cell) == 0
    # A value that is not equal to itself is a missing number; pandas has a missing value of its own, too.
    return cell is None or cell is _missing() or cell != cell or not as_name(cell).strip()


def _missing() -> Any:
    import pandas as pd

    return pd.NA
