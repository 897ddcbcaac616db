"""The columns of a corpus that are kept: which types they have, and rows as a table of them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.corpus.raw_rows import Cells
from materials.errors import RequestError, in_one_line, unknown

if TYPE_CHECKING:
    import pyarrow as pa


def kept_columns(names: Sequence[str], keep: Sequence[str] | None, text_columns: Sequence[str]) -> list[str]:
    """The columns of a file that are kept. Raises RequestError where one that is asked for is not there."""
    for column in (*text_columns, *(keep or ())):
        if column not in names:
            raise RequestError(unknown("column", column, names))
    return list(names if keep is None else keep)


def find_schema(rows: Sequence[Cells], names: Sequence[str]) -> "pa.Schema":
    """The types of columns by the values of the first rows; text where they are mixed, nested, or there is none."""
    import pyarrow as pa

    return pa.schema([(name, _type_of([row.get(name) for row in rows])) for name in names])


def _type_of(values: list[Any]) -> "pa.DataType":
    import pyarrow as pa

    if any(isinstance(value, dict | list) for value in values):  # whose later values may have other keys and types
        return pa.string()
    try:
        found = pa.array(values).type
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeError):
        return pa.string()
    return pa.string() if pa.types.is_null(found) else found


def as_table(rows: Sequence[Cells], schema: "pa.Schema") -> "tuple[pa.Table, dict[int, str]]":
    """The rows as a table, without those that do not fit, and by position what is wrong with these.

    In a column of text, values that are none are written as JSON.
    """
    import pyarrow as pa

    try:
        columns = [_column([row.get(field.name) for row in rows], field.type) for field in schema]
        return pa.Table.from_arrays(columns, schema=schema), {}
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeError):
        misfits = {position: reason for position, row in enumerate(rows) if (reason := _misfit(row, schema))}
        if not misfits:
            raise
        return as_table([row for position, row in enumerate(rows) if position not in misfits], schema)[0], misfits


def _column(values: list[Any], type: "pa.DataType") -> "pa.Array":
    import pyarrow as pa

    if pa.types.is_string(type):
        values = [
            value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            for value in values
        ]
    return pa.array(values, type=type)


def _misfit(row: Cells, schema: "pa.Schema") -> str | None:
    import pyarrow as pa

    for field in schema:
        try:
            _column([row.get(field.name)], field.type)
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeError):
            return f"column '{field.name}' holds {row[field.name]!a:.60} where the first rows have {field.type}"
    return None


def cast(table: "pa.Table", schema: "pa.Schema", path: Path) -> "pa.Table":
    """The table of a file with the types of the files before it. Raises RequestError where it has other ones."""
    import pyarrow as pa

    if table.schema.equals(schema):
        return table
    try:
        return table.select(schema.names).cast(schema)
    except (KeyError, pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as error:
        raise RequestError(
            f"the columns of {path} are not those of the files before it: {in_one_line(error)}"
        ) from error
