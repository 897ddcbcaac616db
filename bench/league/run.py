"""The command `league`: one recipe on every data set of the league, and what it came to."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.league.cells import RunCell, run_cells
from bench.league.report import league_text, save_picture
from bench.league.settings import chosen_cells, read_league
from bench.league.summary import load_lines, save_lines, summarise
from bench.reports.run_folder import prove_writable
from bench.reports.screen import Screen
from materials.files import new_file


@dataclass(frozen=True, kw_only=True)
class LeagueRequest:
    """Which cells, from which folder of files, into which folder; with `show_only`, what is there is printed."""

    files: Path | None
    sets: Sequence[str]
    rows: Sequence[str]
    output: Path
    show_only: bool


def run_league(request: LeagueRequest, run_cell: RunCell) -> int:
    """Run the cells that are not there yet, write league.json, table.md and pictures, and print the table.

    Lines of cells whose run folder is gone stay as league.json has them. Gives 1 where a cell was left out, else 0.
    """
    screen, league = Screen(), read_league()
    cells = chosen_cells(league, sets=request.sets, rows=request.rows)
    left_out = []
    if not request.show_only:
        prove_writable(request.output)
        left_out = run_cells(
            league, cells, files=request.files, output=request.output, run_cell=run_cell, screen=screen
        )
    every_cell = chosen_cells(league, sets=(), rows=())
    lines = summarise(every_cell, request.output)
    fresh_cells = {(line.set, line.rows) for line in lines}
    lines += [line for line in load_lines(request.output) if (line.set, line.rows) not in fresh_cells]
    order = {(cell.data.name, str(cell.rows)): number for number, cell in enumerate(every_cell)}
    sets = [data.name for data in league.sets]
    lines.sort(key=lambda line: (sets.index(line.set), order[line.set, line.rows], line.transfer_rows))
    if not request.show_only:
        save_lines(lines, request.output)
        with new_file(request.output / "table.md") as temporary:
            temporary.write_text(league_text(lines, "markdown"), encoding="utf-8")
        save_picture(lines, request.output)
    print(league_text(lines, "rich"))
    for sentence in left_out:
        screen.notice(f"left out: {sentence}")
    return 1 if left_out else 0
