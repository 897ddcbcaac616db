"""The front as a picture: quality against latency, size or throughput, in the coordinates of an SVG."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.advice.front import files_of_one_seed, goodness
from bench.page.labels import Label, place_labels
from bench.page.mark import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Mark
from bench.record.row import Row
from bench.record.run_file import Run
from bench.reports.layout import figure, times, with_interval


@dataclass(frozen=True, kw_only=True)
class Axis:
    """What a picture holds quality against; `lower_is_better` says in which direction a file is cheaper."""

    name: str
    title: str
    value: Callable[[Row], float | None]
    lower_is_better: bool = True


AXES = (
    Axis(name="latency", title="latency of one, p50, ms (log)", value=lambda row: row.latency_p50_ms),
    Axis(name="size", title="size, MB (log)", value=lambda row: row.size_bytes and row.size_bytes / 1e6),
    Axis(
        name="throughput",
        title="throughput, {unit}/s (log)",
        value=lambda row: row.texts_per_second,
        lower_is_better=False,
    ),
)


@dataclass(frozen=True, kw_only=True)
class Tick:
    """A place on an axis, and what stands there."""

    at: float
    text: str


@dataclass(frozen=True, kw_only=True)
class Picture:
    """All that a template needs to draw one; `front` is the path of the line that joins the files no other beats."""

    axis: str
    title: str
    score_title: str
    marks: tuple[Mark, ...]
    labels: tuple[Label, ...]
    front: str
    across: tuple[Tick, ...]
    upwards: tuple[Tick, ...]


def pictures_of(runs: Sequence[Run], series: Sequence[str]) -> list[Picture]:
    """A picture for each axis for which files have a figure. Runs share one where their headline is the same.

    Runs of another headline than the first are left out: their quality has no place on its scale.
    """
    title = runs[0].task.headline.title
    alike = [run for run in runs if run.task.headline.title == title]
    files = [(run, row) for run in alike for row in files_of_one_seed(run.rows)]
    pictures = [_picture(axis, files, series, is_several=len(runs) > 1) for axis in AXES]
    return [picture for picture in pictures if picture is not None]


def series_of(run: Run, row: Row, *, is_several: bool) -> str:
    """What a file is coloured by: its run where there are several, else its student, or teacher, or peer."""
    return run.name if is_several else row.student if row.role == "student" else row.role


def _picture(
    axis: Axis, files: Sequence[tuple[Run, Row]], series: Sequence[str], *, is_several: bool
) -> Picture | None:
    placed = [(run, row, value) for run, row in files if (value := axis.value(row))]
    if not placed:
        return None
    metric = placed[0][0].task.headline
    factor = 100 if metric.unit == "points" else 1
    low_x, high_x = _reach([math.log10(value) for _, _, value in placed])
    low_y, high_y = _reach([row.headline.value * factor for _, row, _ in placed if row.headline])

    def across(value: float) -> float:
        return LEFT + (math.log10(value) - low_x) / (high_x - low_x) * (WIDTH - LEFT - RIGHT)

    def upwards(score: float) -> float:
        return HEIGHT - BOTTOM - (score - low_y) / (high_y - low_y) * (HEIGHT - TOP - BOTTOM)

    numbers = {name: number for number, name in enumerate(series)}
    marks: list[Mark] = []
    costs: dict[int, list[tuple[float, float, int]]] = {}  # by run: what a file costs, minus its quality, its number
    for number, (run, row, value) in enumerate(placed):
        assert row.headline is not None, "files_of_one_seed leaves files without a headline out"
        name = f"{run.name}: {row.model}" if is_several else row.model
        marks.append(
            Mark(
                x=round(across(value), 1),
                y=round(upwards(row.headline.value * factor), 1),
                series=numbers[series_of(run, row, is_several=is_several)],
                hollow=not row.is_taught,
                tip=f"{name}, {row.format}\n{_figures(run, row)}",
            )
        )
        costs.setdefault(id(run), []).append((value if axis.lower_is_better else -value, -goodness(row), number))
    fronts = [_front(run_costs) for run_costs in costs.values()]
    best = [marks[number] for front in fronts for number in front]
    return Picture(
        axis=axis.name,
        title=axis.title.format(unit=placed[0][0].unit),
        score_title=f"{metric.title}, %" if metric.unit == "points" else metric.title,
        marks=tuple(marks),
        labels=tuple(place_labels(best, marks)),
        front="".join(_steps([marks[number] for number in front]) for front in fronts),
        across=tuple(Tick(at=round(across(value), 1), text=f"{value:g}") for value in _decades(low_x, high_x)),
        upwards=tuple(Tick(at=round(upwards(value), 1), text=f"{value:g}") for value in _rounds(low_y, high_y)),
    )


def _figures(run: Run, row: Row) -> str:
    figures = (
        (run.task.headline.title, with_interval(run.task.headline, row.headline)),
        ("p50 ms", figure(row.latency_p50_ms)),
        ("MB", "" if row.size_bytes is None else f"{row.size_bytes / 1e6:.2f}"),
        (f"{run.unit}/s", figure(row.texts_per_second)),
        ("speed-up", "" if row.speedup is None else times(row.speedup)),
    )
    return "\n".join(f"{name}: {text}" for name, text in figures if text)


def _front(costs: Sequence[tuple[float, float, int]]) -> list[int]:
    """The numbers of the files that no other beats in both cost and quality, cheapest first."""
    best, lowest = [], math.inf
    for _, minus_quality, number in sorted(costs):
        if minus_quality < lowest:
            best.append(number)
            lowest = minus_quality
    return best


def _steps(marks: Sequence[Mark]) -> str:
    """A path in steps: until the next file, the quality is that of the one before it."""
    if not marks:
        return ""
    return f"M{marks[0].x} {marks[0].y}" + "".join(f"H{mark.x}V{mark.y}" for mark in marks[1:])


def _reach(values: Sequence[float]) -> tuple[float, float]:
    """The ends of an axis that holds all values, with some room; never of no length."""
    low, high = min(values), max(values)
    room = 0.06 * (high - low) or 0.5
    return low - room, high + room


def _decades(low: float, high: float) -> list[float]:
    """Round numbers between two powers of ten: 1, 2 and 5 of each, or 1 alone where these are too many.

    An axis too short to hold two of them has those of a plain axis.
    """
    steps = (1, 2, 5) if high - low < 3 else (1,)
    powers = range(math.floor(low), math.ceil(high) + 1)
    rounds = [step * 10.0**power for power in powers for step in steps if low <= math.log10(step) + power <= high]
    return rounds if len(rounds) > 1 else _rounds(10.0**low, 10.0**high)


def _rounds(low: float, high: float) -> list[float]:
    """Four to ten round numbers between two others."""
    power = 10.0 ** math.floor(math.log10((high - low) / 4))
    step = next(step for factor in (5, 2, 1) if (high - low) / (step := factor * power) >= 3.5)
    return [round(number * step, 10) for number in range(math.ceil(low / step), math.floor(high / step) + 1)]
