"""The options of the command that looks at rows in files."""

from pathlib import Path
from typing import Annotated

import typer

from bench.commands.columns import with_columns
from bench.outside.columns import Columns

app = typer.Typer()
DEFAULT_COLUMNS = Columns()


@app.command(epilog="Example: distilbench check reviews.csv --test-data test.csv --text body --label stars")
@with_columns
def check(
    data: Annotated[Path, typer.Argument(help="Rows as `run --data` takes them: CSV, TSV, JSONL, Parquet, images.")],
    test_data: Annotated[Path | None, typer.Option(help="Test rows, to look for in DATA.")] = None,
    columns: Columns = DEFAULT_COLUMNS,
    task: Annotated[str, typer.Option(help="What is asked: single-label, multi-label or regression.")] = "single-label",
) -> None:
    """Say what is in rows before a run: classes, lengths, languages, contradictions, near-duplicates, rows left out."""
    from bench.commands.check.command import CheckOrder, check_data

    check_data(CheckOrder(data=data, test_data=test_data, columns=columns, task=task))
