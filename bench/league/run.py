"""The command `league`: one recipe on every data set of the league, and what it came to."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.league.cells import RunCell, run_cells
from bench.league.report import league_text, save_picture
from bench.league.settings import League, chosen_cells, read_league
from bench.league.summary import Line, load_lines, save_lines, summarise
from bench.reports.run_folder import prove_writable
from bench.reports.screen import Screen
from materials.errors import RequestError
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

    Lines of cells whose run folder is gone stay as league.json has them. Gives 1 where a cell is not sound, else 0.
    Raises RequestError for a damaged league.json, before anything is run, and where there is nothing to show.
    """
    screen, league = Screen(), read_league()
    cells, earlier = chosen_cells(league, sets=request.sets, rows=request.rows), load_lines(request.output)
    if request.show_only:
        names = {cell.name for cell in cells}
        shown = [line for line in _lines(league, request.output, earlier, screen) if line.cell in names]
        if not shown:
            raise RequestError(
                f"none of these sets and numbers of rows was run into {request.output}; leave --show out, or name "
                "another --output"
            )
        print(league_text(shown, "rich"))
        return 0
    prove_writable(request.output)
    faults = run_cells(league, cells, files=request.files, output=request.output, run_cell=run_cell, screen=screen)
    lines = _lines(league, request.output, earlier, screen)
    save_lines(lines, request.output)
    with new_file(request.output / "table.md") as temporary:
        temporary.write_text(league_text(lines, "markdown"), encoding="utf-8")
    save_picture(lines, request.output)
    print(league_text(lines, "rich"))
    for sentence in faults:
        screen.notice(sentence)
    return 1 if faults else 0


def _lines(league: League, output: Path, earlier: Sequence[Line], screen: Screen) -> list[Line]:
    """The lines of all runs that are there, and the earlier ones of others, in the order of the league."""
    every_cell = chosen_cells(league, sets=(), rows=())
    lines, faults = summarise(every_cell, output)
    for sentence in faults:
        screen.notice(sentence)
    summarised = {line.cell for line in lines}
    order = [cell.name for data in league.sets for cell in every_cell if cell.data == data]
    lines += [line for line in earlier if line.cell not in summarised]
    for name in sorted({line.cell for line in lines} - set(order)):
        screen.notice(f"league.json has {name}, which is not in the league any more; it is left out")
    return sorted(
        (line for line in lines if line.cell in order),
        key=lambda line: (order.index(line.cell), bool(line.transfer_rows), not line.made_up),
    )
