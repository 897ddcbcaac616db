"""Running a league cell by cell; a cell whose run is there already is not run again."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.league.settings import League, LeagueCell, data_overrides
from bench.record.place import RUN_FILE
from bench.reports.screen import Screen
from materials.errors import RequestError

RunCell = Callable[[str, Mapping[str, Any], Path], int]
"""Runs a recipe with what is set in it, by key, into a folder; gives an exit code."""


def run_cells(
    league: League, cells: Sequence[LeagueCell], *, files: Path | None, output: Path, run_cell: RunCell, screen: Screen
) -> list[str]:
    """Run what is not there yet, each cell into a folder of its name; return a sentence for each that is not sound.

    A cell whose files are not given, or that the recipe refuses, is left out and the others go on.
    """
    sentences = []
    for number, cell in enumerate(cells, start=1):
        folder = output / cell.name
        if (folder / RUN_FILE).is_file():
            screen.notice(f"cell {number} of {len(cells)}: {cell.name} is there; delete {folder} to run it again")
            continue
        screen.notice(f"cell {number} of {len(cells)}: {cell.name}")
        try:
            if run_cell(league.recipe, data_overrides(league, cell, files), folder):
                sentences.append(f"{cell.name}: some of its files failed")
        except RequestError as error:
            sentences.append(f"{cell.name} is left out: {error}")
            screen.notice(sentences[-1])
    return sentences
