"""What a league is: a recipe, and data sets with the numbers of labelled rows that it runs on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from bench.recipe.fill_in import PARTS
from bench.recipe.parts import Part, Positive
from bench.recipe.yaml_tree import read_yaml
from materials.catalogue import DATASETS
from materials.errors import RequestError, unknown

WHOLE: Literal["all"] = "all"
Count = Positive | Literal["all"]


class DataSet(Part):
    """A data set: known by name, or files below the folder that is given; `rows` are the numbers of labelled rows."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    train: str
    test: str | None = None
    test_share: float | None = None
    text: str | None = None
    text_pair: str | None = None
    rows: Annotated[tuple[Count, ...], Field(min_length=1)]


class League(Part):
    """The recipe runs on every set at every number of rows, with these objectives and this way of measuring.

    A cell leaves out the objectives whose kind of transfer rows it cannot have (see `data_overrides`).
    """

    recipe: str
    transfer_rows: Positive
    objectives: tuple[dict[str, Any], ...]
    measuring: dict[str, Any]
    sets: tuple[DataSet, ...]


@dataclass(frozen=True, kw_only=True)
class LeagueCell:
    """A data set at a number of labelled rows."""

    data: DataSet
    rows: int | Literal["all"]

    @property
    def name(self) -> str:
        """The name of its run folder."""
        return f"{self.data.name}-{self.rows}"


def read_league() -> League:
    """The league that comes with distilbench. Raises RequestError where its file was changed into none."""
    path = Path(str(files("recipes"))) / "league.yaml"
    try:
        return League.model_validate(read_yaml(path)[0])
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(map(str, fault["loc"]))
        raise RequestError(f"{path.name}: {place}: {fault['msg']}; got {fault.get('input')!r:.60}") from None


def chosen_cells(league: League, *, sets: Sequence[str], rows: Sequence[str]) -> list[LeagueCell]:
    """The cells of the sets and numbers of rows that are named, all of them where none is; the smallest first.

    Raises RequestError for a name or a number that the league does not have.
    """
    known_sets = {data.name: data for data in league.sets}
    known_rows = {str(count): count for data in league.sets for count in data.rows}
    for name in sets:
        if name not in known_sets:
            raise RequestError(unknown("set of the league", name, known_sets))
    for count in rows:
        if count not in known_rows:
            raise RequestError(unknown("number of rows", count, known_rows))
    cells = [
        LeagueCell(data=data, rows=count)
        for data in league.sets
        if not sets or data.name in sets
        for count in data.rows
        if not rows or str(count) in rows
    ]
    if not cells:
        raise RequestError(
            f"none of {', '.join(sets)} has {' or '.join(rows)} rows in the league; see recipes/league.yaml"
        )
    return sorted(cells, key=lambda cell: float("inf") if cell.rows == WHOLE else cell.rows)


def data_overrides(league: League, cell: LeagueCell, folder: Path | None) -> dict[str, Any]:
    """What a cell sets in the recipe, by key, with the files of its set found below `folder`.

    Rows are left over for the teacher alone where not all keep their labels, and made up where rows are single texts.
    Raises RequestError where the set is in files and these are not there.
    """
    data = cell.data
    kinds = {"rest": cell.rows != WHOLE, "augmented": data.text_pair is None}
    overrides: dict[str, Any] = {
        "data.train": _place(data.train, folder),
        "data.test": data.test and _place(data.test, folder),
        "data.text": data.text,
        "data.text_pair": data.text_pair,
        "data.test_share": data.test_share,
        "data.train_rows": None if cell.rows == WHOLE else cell.rows,
        "data.transfer_rows": None if cell.rows == WHOLE else league.transfer_rows,
        "data.augmentation": PARTS if kinds["augmented"] else None,
        "objectives": [
            objective
            for objective in league.objectives
            if all(kinds.get(kind, True) for kind in _named_kinds(objective))
        ],
        "measuring": league.measuring,
    }
    return {key: value for key, value in overrides.items() if value is not None}


def _named_kinds(objective: Mapping[str, Any]) -> Sequence[str]:
    named = objective.get("transfer")
    return named if isinstance(named, list) else ()


def _place(name: str, folder: Path | None) -> str:
    if name in DATASETS:
        return name
    place = folder and folder / name
    if place is None or not place.is_file():
        raise RequestError(f"the file {name} is not there; name the folder that holds it with --files")
    return str(place)
