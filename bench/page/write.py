"""The page of one run or several, as one HTML file."""

import re
from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from bench.advice.front import files_of_one_seed
from bench.page.content import content_of
from bench.page.mark import BOTTOM, COLOURS, HEIGHT, LEFT, MARKS, RIGHT, SHAPES, TOP, WIDTH
from bench.page.picture import pictures_of, series_of
from bench.record.place import refusing_odd_values
from bench.record.run_file import Run, read_run
from bench.reports.layout import TextTable
from bench.reports.report import all_files
from materials.errors import RequestError
from materials.files import new_file

# 79.9 ± 0.5 [77.2, 82.5], 1,018,745, 272.5x, +2.8, 96 %
FIGURE = re.compile(r"[-+~≈]?\d[\d,.]*( ?[x%])?( ± [\d.]+)?( \[[^\]]*\])?( [^\w\s]+)?")
GEOMETRY = {"width": WIDTH, "height": HEIGHT, "left": LEFT, "right": RIGHT, "top": TOP, "bottom": BOTTOM}


def write_page(places: Sequence[Path], output: Path) -> None:
    """Write the page of runs, named by their folders or files, to `output`.

    Raises RequestError for a place without a run, and for an output that cannot be written.
    """
    runs = _named_apart([read_run(place) for place in places], places)
    if output.is_dir():
        raise RequestError(f"--output is the page to write, such as report.html; {output} is a folder")
    with refusing_odd_values(*places):
        page = page_of(runs, places)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with new_file(output) as temporary:
            temporary.write_text(page, encoding="utf-8")
    except OSError as error:
        raise RequestError(f"cannot write {output}: {error.strerror}; name another place with --output") from None


def page_of(runs: Sequence[Run], places: Sequence[Path]) -> str:
    """The HTML of runs. Names in them are text, whatever they hold: the template escapes all that it is given."""
    from jinja2 import Environment, StrictUndefined

    # Autoescape, as models and classes may be called anything; and no name that is missing may pass in silence.
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    is_several = len(runs) > 1
    named = [(run, row) for run in runs for row in files_of_one_seed(run.rows)]
    series = list(dict.fromkeys(series_of(run, row, is_several=is_several) for run, row in named))
    return environment.from_string(_part("page.html")).render(
        title=", ".join(dict.fromkeys(run.name for run in runs)),
        style=_part("page.css"),
        script=_part("page.js"),
        runs=[content_of(run, place, number) for number, (run, place) in enumerate(zip(runs, places, strict=True), 1)],
        pictures=pictures_of(runs, series),
        series=series,
        marks=MARKS,
        colours=COLOURS,
        shapes=SHAPES,
        geometry=GEOMETRY,
        files=_files(runs),
        number_columns=number_columns,
        other_headlines=_other_headlines(runs),
    )


def number_columns(table: TextTable) -> set[int]:
    """The positions of a table's columns that hold figures, with their intervals or signs, and nothing else."""
    _, header, lines = table
    columns = {at: [line[at] for line in lines if line[at]] for at in range(len(header))}
    return {at for at, cells in columns.items() if cells and all(map(FIGURE.fullmatch, cells))}


def _named_apart(runs: Sequence[Run], places: Sequence[Path]) -> list[Run]:
    """The runs, those of one name with their place in it."""
    names = [run.name for run in runs]
    return [
        replace(run, name=f"{run.name} ({place})") if names.count(run.name) > 1 else run
        for run, place in zip(runs, places, strict=True)
    ]


def _files(runs: Sequence[Run]) -> TextTable:
    """One table of the files of all runs, with a column for the run where there are several."""
    if len(runs) == 1:
        return all_files(runs[0])
    tables = [all_files(run) for run in runs]
    # The last column is that of signs; those of metrics that only one run has come before it.
    columns = list(dict.fromkeys(name for _, header, _ in tables for name in header if name))
    lines = []
    for run, (_, header, cells) in zip(runs, tables, strict=True):
        for line in cells:
            by_column: dict[str, Any] = dict(zip(header, line, strict=True))
            lines.append([run.name, *(by_column.get(name, "") for name in (*columns, ""))])
    return "all files", ("run", *columns, ""), lines


def _other_headlines(runs: Sequence[Run]) -> list[str]:
    """The runs that have no place in the pictures."""
    title = runs[0].task.headline.title
    return [run.name for run in runs if run.task.headline.title != title]


def _part(name: str) -> str:
    return (files("bench.page") / name).read_text(encoding="utf-8")
