"""What a reader looks at first: of each model the file to take, and the notes that this needs."""

from collections.abc import Sequence
from dataclasses import replace

from bench.advice.front import WORTH, files_of_one_seed, goodness
from bench.advice.verdict import shipped
from bench.record.row import Row
from bench.record.run_file import Run
from bench.reports.extra_tables import without_near_duplicates
from bench.reports.layout import TextTable, in_items, rich_tables, without_blanks
from bench.reports.notes import first_notes, is_timed
from bench.reports.report import files_table, tables_before

COLUMNS = (
    "gap closed",
    "MB",
    "p50 ms",
    "end-to-end\ntexts/s",
    "speed-up",
    "end-to-end\nspeed-up",
    "",
)


def best_rows(rows: Sequence[Row]) -> list[Row]:
    """Of each model the fastest sound file of those within half a point of its best; the eager teacher too.

    Of the model that the verdict ships it is the file that the verdict names. A model of which no file is sound is
    there with its first one. Where rows were timed, only these count.
    """
    is_any_timed = any(map(is_timed, rows))
    counting = [row for row in rows if is_timed(row) or not is_any_timed]
    seeds = [row.seed for row in counting if row.seed is not None]
    rows_of_model: dict[str, list[Row]] = {}
    for row in rows:
        if not seeds or row.seed in (None, seeds[0]):
            rows_of_model.setdefault(row.model, []).append(row)
    files = files_of_one_seed(rows)
    named = shipped(files) if files else None
    chosen: list[Row] = []
    for of_model in rows_of_model.values():
        sound = [
            row
            for row in of_model
            if row.status != "failed" and row.headline is not None and (is_timed(row) or not is_any_timed)
        ]
        eager = [row for row in sound if (row.role, row.format) == ("teacher", "eager")]
        best = named if named in sound else _fastest(sound) if sound else of_model[0]
        chosen += eager if best in eager else [*eager, best]
    return chosen


def _fastest(rows: Sequence[Row]) -> Row:
    best = max(map(goodness, rows))
    near = [row for row in rows if best - goodness(row) <= WORTH]
    return min(near, key=lambda row: (row.latency_p50_ms or row.end_to_end_latency_p50_ms or 0, -goodness(row)))


def rich_best(run: Run) -> str:
    """The means over seeds and the table of best files, as wide as the terminal, with few notes."""
    rows = best_rows(run.rows)
    hidden = len(run.rows) - len(rows)
    best = _narrow(files_table(run, rows, f"{run.name}: the file to take of each model"), run)
    leaks = without_near_duplicates(replace(run, rows=tuple(rows)))
    tables = [*tables_before(run), best, *([leaks] if leaks[2] else [])]
    rest = f"{hidden} more rows, other tables and all notes" if hidden else "other tables and all notes"
    return rich_tables(tables, [*first_notes(run, rows), f"{rest}: distilbench show RUN --all"])


def _narrow(table: TextTable, run: Run) -> TextTable:
    """The table with the columns of quality, cost and speed-up alone."""
    title, header, lines = table
    kept = {"model", "format", *(metric.title for metric in run.task.metrics), *in_items(COLUMNS, run.unit)}
    places = [place for place, name in enumerate(header) if name in kept]
    shown = [[line[place] for place in places] for line in lines]
    return without_blanks((title, tuple(header[place] for place in places), shown))
