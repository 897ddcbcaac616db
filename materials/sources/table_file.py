"""Reading a user's CSV, TSV, JSONL or Parquet file, and refusing what cannot be classified."""

import json
import warnings
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from materials.errors import RequestError
from materials.rows import Table

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet", ".csv.gz", ".tsv.gz", ".jsonl.gz")


def read_table(path: Path, *, text: str, label: str | None, drop_missing: bool = False) -> Table:
    """The texts and label names of a file; without `label`, a column named 'label' is used if there is one.

    Raises RequestError for a file that is missing, empty, not UTF-8, of an unknown kind, without the named columns,
    or with empty texts or labels; with `drop_missing`, rows with an empty text or label are left out.
    """
    frame, dropped = _with_rows(path, [text, label or "label"] if drop_missing else [])
    texts = _column(frame, text, path, "text")
    if label is None and "label" not in frame.columns:
        return Table(items=texts, labels=None, dropped=dropped)
    return Table(items=texts, labels=_column(frame, label or "label", path, "label"), dropped=dropped)


def read_texts(path: Path, *, text: str, option: str = "--text", drop_missing: bool = False) -> Table:
    """The texts of a file, whose labels, if it has any, are not read; `option` is what names their column.

    Raises RequestError as `read_table` does.
    """
    frame, dropped = _with_rows(path, [text] if drop_missing else [])
    return Table(items=_column(frame, text, path, "text", option), labels=None, dropped=dropped)


def _with_rows(path: Path, needed: Sequence[str]) -> "tuple[pd.DataFrame, int]":
    """The rows of a file that have a value in the columns needed, and how many have not."""
    frame = _read_frame(path)
    if frame.empty:
        raise RequestError(f"{path} has no rows; expected a header and at least one row")
    missing = frame[[name for name in needed if name in frame.columns]].apply(_is_empty).any(axis=1)
    if missing.all():
        raise RequestError(f"no row of {path} has a value in each of the columns {', '.join(needed)}")
    return frame[~missing], int(missing.sum())


def _read_frame(path: Path) -> "pd.DataFrame":
    import pandas as pd

    if not path.is_file():
        raise RequestError(f"there is no file {path}; expected a {', '.join(SUFFIXES[:4])} file (or .gz)")
    if path.stat().st_size == 0:
        raise RequestError(f"{path} is empty; expected a header and at least one row")
    kind = "".join(path.suffixes[-2:]).lower() if path.suffix == ".gz" else path.suffix.lower()
    try:
        if kind == ".parquet":
            return _with_class_names(pd.read_parquet(path), path)
        if kind.startswith(".jsonl"):
            return pd.read_json(path, lines=True, dtype=False)
        if kind.startswith((".csv", ".tsv")):
            separator = "\t" if kind.startswith(".tsv") else ","
            options: dict[str, Any] = {"dtype": str, "keep_default_na": False, "encoding": "utf-8"}
            with warnings.catch_warnings():
                warnings.simplefilter("error", pd.errors.ParserWarning)
                return pd.read_csv(path, sep=separator, index_col=False, **options)
    except UnicodeDecodeError as error:
        raise RequestError(f"{path} is not UTF-8 ({error.reason} at byte {error.start}); convert it first") from None
    except pd.errors.ParserWarning:
        raise RequestError(f"{path} has rows with more fields than its header; quote texts that hold a comma") from None
    except (ValueError, OSError, EOFError, zlib.error) as error:
        raise RequestError(f"{path} cannot be read as {kind}: {str(error).strip().splitlines()[0]}") from None
    raise RequestError(f"{path} is of an unknown kind '{path.suffix}'; known: {', '.join(SUFFIXES)}")


def _with_class_names(frame: "pd.DataFrame", path: Path) -> "pd.DataFrame":
    """Names in place of class numbers, where the file says them as `datasets` does; a number without a name stays."""
    from pyarrow.parquet import read_schema

    metadata = json.loads((read_schema(path).metadata or {}).get(b"huggingface", b"{}"))
    for column, feature in metadata.get("info", {}).get("features", {}).items():
        if column in frame.columns and isinstance(feature, dict) and feature.get("_type") == "ClassLabel":
            names = dict(enumerate(feature.get("names") or ()))
            frame[column] = [names.get(value, value) for value in frame[column].tolist()]
    return frame


def _column(frame: "pd.DataFrame", name: str, path: Path, content: str, option: str | None = None) -> list[str]:
    if name not in frame.columns:
        columns = ", ".join(str(column) for column in frame.columns)
        raise RequestError(
            f"{path} has no column '{name}'; name one with {option or f'--{content}'}; columns: {columns}"
        )
    empty = [row for row, missing in enumerate(_is_empty(frame[name]), 1) if missing]
    if empty:
        rows = ", ".join(str(row) for row in empty[:5]) + (", ..." if len(empty) > 5 else "")
        raise RequestError(
            f"{len(empty)} of {len(frame)} rows of {path} have no {content} in column '{name}' (row {rows}); "
            "remove or fill them, or leave them out with --set data.drop_missing=true"
        )
    return [_as_string(value) for value in frame[name].tolist()]


def _is_empty(values: "pd.Series[Any]") -> "pd.Series[bool]":
    """Where there is no value, or one of white space alone."""
    return values.isna() | values.map(lambda value: not _as_string(value).strip()).astype(bool)


def _as_string(value: object) -> str:
    """A label 5.0 that a file format turned into a float is the label '5'."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
