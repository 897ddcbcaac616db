"""The command `compare`: two runs, or two models, as one table of what is better, worse, or the same."""

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.commands.measure import read_rows
from bench.harness.workload import Workload
from bench.record.run_file import TEST_ROWS
from bench.reports.bounds import broken_bounds, read_bound
from bench.reports.layout import Report, figure, markdown_tables, points, rich_tables
from bench.reports.screen import Screen
from bench.scores.quality import Interval
from bench.scores.significance import TimeChange
from bench.steps.comparison import Change, Comparison, compare_models, compare_runs
from materials.errors import RequestError, unknown

HEADER = (
    "model",
    "format",
    "macro-F1\nbase, new",
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
    """Two runs or two models; `data`, `text`, `label` and `launches` are for models."""

    base: Path
    new: Path
    data: Path | None
    text: str
    label: str | None
    workload: Workload
    launches: int
    fail_if: tuple[str, ...]
    format: str


def compare(request: CompareRequest) -> int:
    """Print what changed from base to new; 1 when a bound of --fail-if is broken, else 0."""
    bounds = [read_bound(text) for text in request.fail_if]
    if request.format not in WRITERS:
        raise RequestError(unknown("format", request.format, WRITERS))
    for place in (request.base, request.new):
        if not place.exists():
            raise RequestError(f"there is nothing at {place}; expected a run folder or a model")
    are_runs = [_is_run(place) for place in (request.base, request.new)]
    if are_runs[0] != are_runs[1]:
        raise RequestError(f"{request.base} and {request.new} cannot be compared: one is a run, the other is not")
    comparison = compare_runs(request.base, request.new) if all(are_runs) else _compare_models(request)
    broken = broken_bounds(bounds, comparison.changes, comparison.lost)
    title = f"{request.base} -> {request.new}"
    table: Report = (title, HEADER, [_line(change) for change in comparison.changes])
    if not all(are_runs):
        table = (title, FIGURE_HEADER, _figures(comparison.changes[0]))
    sys.stdout.write(WRITERS[request.format]([table], _notes(comparison, all(are_runs), broken, request)))
    return 1 if broken else 0


def _compare_models(request: CompareRequest) -> Comparison:
    data = request.data or rows_beside(request.base)
    table = read_rows(data, text=request.text, label=request.label)
    places = (request.base, request.new)
    return compare_models(places, table, request.workload, launches=request.launches, screen=Screen())


def rows_beside(bundle: Path) -> Path:
    """The test rows of the run that a bundle lies in. Raises RequestError where it lies in none."""
    for folder in bundle.resolve().parents:
        if (
            folder.name.startswith("seed-")
            and (rows := folder.parent.parent / TEST_ROWS / f"{folder.name}.parquet").is_file()
        ):
            return rows
    raise RequestError(f"{bundle} lies in no run folder with test rows; give rows to compare on with --data")


def _is_run(place: Path) -> bool:
    return (place / "run.json").is_file() or place.name == "run.json"


def _line(change: Change) -> list[str]:
    old, new, quality = change.base, change.new, change.quality
    model_time, whole_time = (change.times.get(f"{part}latency_p50_ms") for part in ("", "end_to_end_"))
    return [
        new.model + ("" if new.seed is None else f", seed {new.seed}"),
        new.format if new.format == old.format else f"{old.format} -> {new.format}",
        _both(points(old.macro_f1), points(new.macro_f1)),
        "" if quality is None else _change_in_points(quality.macro_f1),
        "" if quality is None else quality.verdict,
        "" if quality is None else f"{quality.mcnemar_p:.2g}",
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
        f1 = quality.macro_f1
        interval = f"[{f1.low * 100:+.1f}, {f1.high * 100:+.1f}]"
        scores = [points(old.macro_f1), points(new.macro_f1)]
        lines.append(["macro-F1", quality.verdict, *scores, f"{f1.value * 100:+.1f}", interval, ""])
        shares = [points(old.accuracy), points(new.accuracy)]
        lines.append(["accuracy", "", *shares, f"{quality.accuracy * 100:+.1f}", "", f"{quality.mcnemar_p:.2g}"])
    for name, time in change.times.items():
        interval = f"[{time.ratio.low:.3f}, {time.ratio.high:.3f}]"
        both = [figure(getattr(old, name)), figure(getattr(new, name))]
        lines.append([name, time.verdict, *both, f"x {time.ratio.value:.3f}", interval, f"{time.p:.2g}"])
    if old.size_bytes and new.size_bytes:
        sizes = [f"{row.size_bytes / 1e6:.2f}" for row in (old, new) if row.size_bytes]
        lines.append(["MB", "", *sizes, f"x {new.size_bytes / old.size_bytes:.3f}", "", ""])
    return lines


def _change_in_points(change: Interval) -> str:
    value, low, high = (f"{share * 100:+.1f}" for share in (change.value, change.low, change.high))
    return f"{value} [{low}, {high}]"


def _both(old: str, new: str) -> str:
    return f"{old}, {new}" if old or new else ""


def _ratio(change: TimeChange | None) -> str:
    return "" if change is None else f"{change.ratio.value:.3f} [{change.ratio.low:.3f}, {change.ratio.high:.3f}]"


def _speed(change: TimeChange | None) -> str:
    return "" if change is None else f"{change.verdict} (p {change.p:.2g})"


def _notes(comparison: Comparison, are_runs: bool, broken: Sequence[str], request: CompareRequest) -> list[str]:
    counts = [
        Counter(change.quality.verdict for change in comparison.changes if change.quality),
        Counter(time.verdict for change in comparison.changes for time in change.times.values()),
    ]
    summary = [
        f"{what}: " + ", ".join(f"{count[verdict]} {verdict}" for verdict in ("better", "same", "worse"))
        for what, count in zip(("quality", "speed"), counts, strict=True)
        if count
    ]
    if are_runs:
        how = (
            "times as the runs recorded them, on two occasions: only a change beyond 10 % with p < 0.01 counts; "
            "compare two bundles to time them in turns"
        )
    else:
        how = f"{request.launches} launches of each in turns; a change counts with p < 0.01 and beyond 2 %"
    explained = f"quality: paired bootstrap of macro-F1, McNemar's p of accuracy; {how}"
    warned = [f"warning: {sentence}" for sentence in comparison.warnings]
    return [*summary, *warned, explained, *(f"✗ {sentence}" for sentence in broken)]
