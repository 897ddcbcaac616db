"""The command `compare`: two runs, or two models, as one table of what is better, worse, or the same."""

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.record.comparison import RATES, Change, Comparison, compare_runs
from bench.record.place import refusing_odd_values
from bench.record.row import Row
from bench.record.run_file import TEST_ROWS
from bench.reports.bounds import broken_bounds, read_bound
from bench.reports.layout import TextTable, figure, in_unit, markdown_tables, points, rich_tables
from bench.reports.screen import Screen
from bench.scores.interval import Interval
from bench.scores.significance import TimeChange
from materials.errors import RequestError, unknown

if TYPE_CHECKING:
    from bench.harness.workload import Workload
    from bench.outside.columns import Columns

BASE_AND_NEW = "base, new"
HEADER = (
    "model",
    "format",
    "headline\nbase, new",
    "change, points",
    "quality",
    "McNemar\np",
    "p50 ms\nbase, new",
    "ratio",
    "speed",
    "end-to-end\nratio",
    "end-to-end\nspeed",
    "MB\nbase, new",
)
FIGURE_HEADER = ("figure", "verdict", "base", "new", "change", "95 %", "p")
WRITERS = {"rich": rich_tables, "markdown": markdown_tables}


@dataclass(frozen=True, kw_only=True)
class CompareRequest:
    """Two runs or two models; `data`, `columns`, `workload` and `launches` are for models."""

    base: Path
    new: Path
    fail_if: tuple[str, ...] = ()
    format: str = "rich"
    data: Path | None = None
    columns: "Columns | None" = None
    workload: "Workload | None" = None
    launches: int = 0


def compare(request: CompareRequest) -> int:
    """Print what changed from base to new; 1 when a bound of --fail-if is broken, else 0."""
    for text in request.fail_if:
        read_bound(text)  # which refuses one that is none before anything is launched
    if request.format not in WRITERS:
        raise RequestError(unknown("format", request.format, WRITERS))
    for place in (request.base, request.new):
        if not place.exists():
            raise RequestError(f"there is nothing at {place}; expected a run folder or a model")
    are_runs = [is_run(place) for place in (request.base, request.new)]
    if are_runs[0] != are_runs[1]:
        raise RequestError(f"{request.base} and {request.new} cannot be compared: one is a run, the other is not")
    if not all(are_runs):
        return _print(request, _compare_models(request), are_runs=False)
    with refusing_odd_values(request.base, request.new):
        return _print(request, compare_runs(request.base, request.new), are_runs=True)


def _print(request: CompareRequest, comparison: Comparison, *, are_runs: bool) -> int:
    """Print a comparison; 1 when a bound of --fail-if is broken, else 0."""
    bounds = [read_bound(text) for text in request.fail_if]
    broken_sentences = broken_bounds(bounds, comparison.changes, comparison.lost)
    title = f"{request.base} -> {request.new}"
    metric = comparison.changes[0].new.headline_metric
    header = (*HEADER[:2], f"{metric.title}\n{BASE_AND_NEW}", *HEADER[3:])
    table: TextTable = (title, header, [_line(change) for change in comparison.changes])
    if not are_runs:
        table = (title, FIGURE_HEADER, _figures(comparison.changes[0]))
    sys.stdout.write(WRITERS[request.format]([table], _notes(comparison, are_runs, broken_sentences, request)))
    return 1 if broken_sentences else 0


def _compare_models(request: CompareRequest) -> Comparison:
    from bench.outside.in_turns import compare_models
    from bench.outside.opened import open_place, read_rows

    if request.columns is None or request.workload is None:
        raise ValueError("comparing models needs their columns and how to launch them")
    models = [
        open_place(
            place,
            request.columns,
            label_names=request.workload.label_names,
            max_length_tokens=request.workload.max_length_tokens,
            allow_code=request.workload.allow_code,
        )
        for place in (request.base, request.new)
    ]
    data = request.data or rows_beside(request.base)
    rows = read_rows(data, request.columns, models[0].bundle, place=request.base)
    return compare_models(models, rows, request.workload, launches=request.launches, screen=Screen())


def rows_beside(bundle: Path) -> Path:
    """The test rows of the run that a bundle lies in. Raises RequestError where it lies in none."""
    for folder in bundle.resolve().parents:
        if (
            folder.name.startswith("seed-")
            and (rows := folder.parent.parent / TEST_ROWS / f"{folder.name}.parquet").is_file()
        ):
            return rows
    raise RequestError(f"{bundle} lies in no run folder with test rows; give rows to compare on with --data")


def is_run(place: Path) -> bool:
    """Whether a place holds a run, and not a model."""
    return (place / "run.json").is_file() or place.name == "run.json"


def _line(change: Change) -> list[str]:
    old, new, quality = change.base, change.new, change.quality
    model_time, whole_time = (change.times.get(f"{part}latency_p50_ms") for part in ("", "end_to_end_"))
    return [
        new.model + ("" if new.seed is None else f", seed {new.seed}"),
        new.format if new.format == old.format else f"{old.format} -> {new.format}",
        _both(*(_headline(row) for row in (old, new))),
        "" if quality is None else _change_in_points(quality.headline),
        "" if quality is None else quality.verdict,
        "" if quality is None or quality.mcnemar_p is None else f"{quality.mcnemar_p:.2g}",
        _both(figure(old.latency_p50_ms), figure(new.latency_p50_ms)),
        _ratio(model_time),
        _speed(model_time),
        _ratio(whole_time),
        _speed(whole_time),
        _both(*("" if row.size_bytes is None else f"{row.size_bytes / 1e6:.2f}" for row in (old, new))),
    ]


def _figures(change: Change) -> list[list[str]]:
    """One line for each figure of two models that were timed in turns."""
    old, new, quality = change.base, change.new, change.quality
    lines = []
    if quality is not None:
        headline = quality.headline
        interval = f"[{headline.low * 100:+.1f}, {headline.high * 100:+.1f}]"
        scores = [_headline(row) for row in (old, new)]
        title = new.headline_metric.title
        lines.append([title, quality.verdict, *scores, f"{headline.value * 100:+.1f}", interval, ""])
        if quality.accuracy is not None and quality.mcnemar_p is not None:
            shares = [
                points(score.value if score else None) for score in (old.score("accuracy"), new.score("accuracy"))
            ]
            p = f"{quality.mcnemar_p:.2g}"
            lines.append(["accuracy", "", *shares, f"{quality.accuracy * 100:+.1f}", "", p])
    for name, time in change.times.items():
        ratio = time.rate if name in RATES else time.ratio
        interval = f"[{ratio.low:.3f}, {ratio.high:.3f}]"
        times = [figure(getattr(old, name)), figure(getattr(new, name))]
        lines.append([name, time.verdict, *times, f"x {ratio.value:.3f}", interval, f"{time.p:.2g}"])
    if old.size_bytes and new.size_bytes:
        sizes = [f"{row.size_bytes / 1e6:.2f}" for row in (old, new) if row.size_bytes]
        lines.append(["MB", "", *sizes, f"x {new.size_bytes / old.size_bytes:.3f}", "", ""])
    return lines


def _has_p(change: Change) -> bool:
    return change.quality is None or change.quality.mcnemar_p is not None


def _headline(row: Row) -> str:
    return in_unit(row.headline_metric, row.headline.value if row.headline else None)


def _change_in_points(change: Interval) -> str:
    value, low, high = (f"{share * 100:+.1f}" for share in (change.value, change.low, change.high))
    return f"{value} [{low}, {high}]"


def _both(old: str, new: str) -> str:
    return f"{old}, {new}" if old or new else ""


def _ratio(change: TimeChange | None) -> str:
    return "" if change is None else f"{change.ratio.value:.3f} [{change.ratio.low:.3f}, {change.ratio.high:.3f}]"


def _speed(change: TimeChange | None) -> str:
    return "" if change is None else f"{change.verdict} (p {change.p:.2g})"


def _notes(
    comparison: Comparison, are_runs: bool, broken_sentences: Sequence[str], request: CompareRequest
) -> list[str]:
    counts = [
        Counter(change.quality.verdict for change in comparison.changes if change.quality),
        Counter(time.verdict for change in comparison.changes for time in change.times.values()),
    ]
    summary = [
        f"{kind}: " + ", ".join(f"{count[verdict]} {verdict}" for verdict in ("better", "same", "worse"))
        for kind, count in zip(("quality", "speed"), counts, strict=True)
        if count
    ]
    if are_runs:
        how = (
            "times as the runs recorded them, on two occasions: only a change beyond 10 % with p < 0.01 counts; "
            "compare two bundles to time them in turns"
        )
    else:
        how = f"{request.launches} launches of each in turns; a change counts with p < 0.01 and beyond 2 %"
    title = comparison.changes[0].new.headline_metric.title
    tested = ", McNemar's p of accuracy" if any(_has_p(change) for change in comparison.changes) else ""
    explained = f"quality: paired bootstrap of {title}{tested}; {how}"
    warned = [f"warning: {sentence}" for sentence in comparison.warnings]
    held = ["✓ every condition of --fail-if holds"] if request.fail_if and not broken_sentences else []
    return [*summary, *warned, explained, *held, *(f"✗ {sentence}" for sentence in broken_sentences)]
