"""The options of `report`."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command(epilog="Example: distilbench report runs/mine runs/theirs --output report.html")
def report(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders, or run.json files.")],
    output: Annotated[Path, typer.Option(help="The page to write.")] = Path("report.html"),
) -> None:
    """Write runs as one HTML page that needs no network: verdict, front, tables, curves, how it was measured."""
    from bench.page.write import write_page
    from bench.suite.summary import runs_in

    write_page([part for place in runs for part in runs_in(place)], output)
    print(f"wrote {output}")
