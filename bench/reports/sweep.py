"""A sweep as tables and a heat map: what each temperature and alpha makes of a student, minus the student alone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from bench.recipe.objective import Objective
from bench.recipe.sweep import Sweep, sweep_of
from bench.record.run_file import Run
from bench.reports.differences import Difference
from bench.reports.layout import TextTable, change_in_points, markdown_tables, rich_tables, without_blanks
from bench.reports.pictures.chart_files import save_chart

if TYPE_CHECKING:
    import altair as alt

PICTURE = "sweep"
NOISE = "noise"
CELL_PIXELS = {"width": 70, "height": 40}
FAINT, FULL = 0.25, 1.0


@dataclass(frozen=True, kw_only=True)
class Point:
    """A point of a sweep: its coordinates, none where the objective does not use them, and what it came to.

    `difference` is none where the student or the student alone failed.
    """

    temperature: float | None
    alpha: float | None
    difference: Difference | None

    @property
    def is_noise(self) -> bool:
        """Whether the interval of the difference holds zero."""
        return self.difference is not None and self.difference.verdict == "unclear"


@dataclass(frozen=True, kw_only=True)
class Grid:
    """All points of one student and one objective; `title` names both."""

    title: str
    points: tuple[Point, ...]


def is_swept(run: Run) -> bool:
    """Whether the recipe of a run sweeps what students are trained for."""
    sweep = sweep_of(run.recipe or {})
    return sweep is not None and sweep.has_grid


def find_grids(run: Run, differences: Sequence[Difference]) -> list[Grid]:
    """A grid for each student and swept objective, but for those without any difference; none for a run of no sweep.

    `differences` are those of students against themselves alone.
    """
    recipe = run.recipe or {}
    sweep = sweep_of(recipe)
    if sweep is None or not sweep.has_grid:
        return []
    by_model = {difference.model: difference for difference in differences}
    students = dict.fromkeys(row.student for row in run.rows if row.role == "student")
    objectives = [Objective.model_validate(objective) for objective in recipe["objectives"]]
    grids = [
        Grid(title=f"{student} {objective.sweep_title}", points=_points(str(student), objective, sweep, by_model))
        for student in students
        for objective in objectives
        if _is_varied(objective, sweep)
    ]
    return [grid for grid in grids if any(point.difference for point in grid.points)]


def _is_varied(objective: Objective, sweep: Sweep) -> bool:
    by_temperature = sweep.temperature is not None and objective.uses_temperature
    return by_temperature or (sweep.alpha is not None and objective.uses_alpha)


def _points(student: str, objective: Objective, sweep: Sweep, by_model: Mapping[str, Difference]) -> tuple[Point, ...]:
    return tuple(
        Point(
            temperature=point.temperature if objective.uses_temperature else None,
            alpha=point.alpha if objective.uses_alpha else None,
            difference=by_model.get(f"{student} {point.title}"),
        )
        for point in sweep.points(objective)
    )


def sweep_tables(run: Run, grids: Sequence[Grid]) -> list[TextTable]:
    """A table for each grid: a line for each temperature, a column for each alpha."""
    return [_table(run, grid) for grid in grids]


def _table(run: Run, grid: Grid) -> TextTable:
    temperatures = list(dict.fromkeys(point.temperature for point in grid.points))
    alphas = list(dict.fromkeys(point.alpha for point in grid.points))
    by_place = {(point.temperature, point.alpha): point for point in grid.points}
    header = ("temperature", *("difference" if alpha is None else f"alpha {alpha:g}" for alpha in alphas))
    lines = [
        ["" if temperature is None else f"{temperature:g}", *(_cell(by_place[temperature, alpha]) for alpha in alphas)]
        for temperature in temperatures
    ]
    title = f"{run.name}: {grid.title}, {run.task.headline.title} minus the same student alone"
    return without_blanks((title, header, lines))


def _cell(point: Point) -> str:
    if point.difference is None:
        return "failed"
    value, low, high = (
        change_in_points(share) for share in (point.difference.headline, point.difference.low, point.difference.high)
    )
    return f"{value} [{low}, {high}]" + (f" {NOISE}" if point.is_noise else "")


def _notes(run: Run, grids: Sequence[Grid]) -> list[str]:
    differences = [point.difference for grid in grids for point in grid.points if point.difference]
    formats = ", ".join(dict.fromkeys(difference.format for difference in differences))
    seeds = max(difference.seeds for difference in differences)
    return [
        f"points of {run.task.headline.title} on test rows, as {formats}, "
        + (f"means over {seeds} seeds" if seeds > 1 else "one seed")
        + f"; in brackets the 95 % bootstrap over {'seeds and ' if seeds > 1 else ''}rows that both models classified",
        f"{NOISE}: the interval holds zero; not corrected for the number of points, of which one in twenty leaves zero "
        "out by chance",
        "test rows show what a point comes to; they are not for choosing one",
    ]


def _as_text(
    write: Callable[[Sequence[TextTable], Sequence[str]], str],
) -> Callable[[Run, Sequence[Grid]], str]:
    return lambda run, grids: write(sweep_tables(run, grids), _notes(run, grids)) if grids else ""


# empty without a grid
SWEEPS: dict[str, Callable[[Run, Sequence[Grid]], str]] = {
    "rich": _as_text(rich_tables),
    "markdown": _as_text(markdown_tables),
}


def save_sweep(run: Run, grids: Sequence[Grid], folder: Path) -> None:
    """Write sweep.png and sweep.svg; nothing without a grid."""
    if grids:
        save_chart(sweep_chart(run, grids), folder, PICTURE)


def sweep_chart(run: Run, grids: Sequence[Grid]) -> "alt.FacetChart":
    """A heat map for each grid, blue where better than alone and red where worse, faint where it may be chance."""
    import altair as alt

    frame = _frame(grids)
    # The same reach on both sides, so that the middle of the colours is no difference.
    reach = max(frame["difference"].abs().max(), 0.1)
    temperatures, alphas = (list(dict.fromkeys(frame[name])) for name in ("temperature", "alpha"))
    base = alt.Chart(frame).encode(
        alt.X("alpha:N", sort=alphas, title="alpha: the weight of the labels", axis=alt.Axis(labelAngle=0)),
        alt.Y("temperature:N", sort=temperatures, title="temperature"),
    )
    scale = alt.Scale(scheme="redblue", domain=[-reach, reach], domainMid=0)
    ink = alt.condition(
        f"abs(datum.difference) > {0.6 * reach} && !datum.noise", alt.value("white"), alt.value("black")
    )
    opacity = alt.condition("datum.noise", alt.value(FAINT), alt.value(FULL))
    fields = base.mark_rect().encode(
        alt.Color("difference:Q", scale=scale, title=f"{run.task.headline.title}, points"), opacity=opacity
    )
    figures = base.mark_text().encode(
        text="text:N", color=ink, opacity=alt.condition("datum.noise", alt.value(0.55), alt.value(FULL))
    )
    titles = [grid.title for grid in grids]
    title = alt.TitleParams(
        f"{run.name}: {run.task.headline.title} minus the same student alone",
        subtitle="points on test rows; faint: the 95 % interval holds zero",
    )
    return (
        alt.layer(fields, figures)
        .properties(width=CELL_PIXELS["width"] * len(alphas), height=CELL_PIXELS["height"] * len(temperatures))
        .facet(facet=alt.Facet("grid:N", sort=titles, title=None), columns=2)
        .properties(title=title)
    )


def _frame(grids: Sequence[Grid]) -> pd.DataFrame:
    """A line for each point that has a difference, which is in points."""
    return pd.DataFrame(
        [
            {
                "grid": grid.title,
                "temperature": "none" if point.temperature is None else f"{point.temperature:g}",
                "alpha": "none" if point.alpha is None else f"{point.alpha:g}",
                "difference": point.difference.headline * 100,
                "text": change_in_points(point.difference.headline),
                "noise": point.is_noise,
            }
            for grid in grids
            for point in grid.points
            if point.difference is not None
        ]
    )
