"""The command `recommend`: the best file of a run within limits, why, and what each other one missed."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten

import numpy as np

from bench.advice.front import files_of_one_seed
from bench.advice.verdict import about
from bench.record.place import refusing_odd_values, run_folder
from bench.record.predictions import PredictionsTable
from bench.record.row import Row, Score
from bench.record.run_file import Run, read_run
from bench.reports.layout import TextTable, figure, in_unit, rich_sentences, rich_tables
from bench.scores.significance import compare_quality
from materials.errors import RequestError
from materials.modalities import MODALITIES
from materials.tasks import task_of

WIDEST_REASON = 60


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a file must keep to; none for no limit."""

    max_p50_ms: float | None = None
    max_end_to_end_p50_ms: float | None = None
    min_texts_per_second: float | None = None
    min_macro_f1: float | None = None
    min_headline: float | None = None
    max_size_mb: float | None = None
    max_memory_mb: float | None = None
    max_mean_ms: float | None = None


def recommend(place: Path, limits: Limits) -> int:
    """Print the best file within the limits; 1 when there is none, else 0.

    Only files of one seed are weighed, the first that was timed: every seed has test rows of its own.
    """
    for option, share in (("--min-macro-f1", limits.min_macro_f1), ("--min-headline", limits.min_headline)):
        if share is not None and not 0 <= share <= 1:
            raise RequestError(f"{option} is a share between 0 and 1, such as 0.8; got {share:g}")
    run = read_run(place)
    with refusing_odd_values(place):
        return _recommend(run, place, limits)


def _recommend(run: Run, place: Path, limits: Limits) -> int:
    if limits.min_macro_f1 is not None and "macro_f1" not in {metric.name for metric in run.task.metrics}:
        raise RequestError(f"{place} has no macro-F1; its headline is {run.task.headline.title}: use --min-headline")
    rows = _of_one_seed(run.rows)
    missed = [missed_limits(row, limits) for row in rows]
    fitting = [row for row, misses in zip(rows, missed, strict=True) if not misses]
    rejected = [(row, misses) for row, misses in zip(rows, missed, strict=True) if misses]
    rejected.sort(key=_distance)
    table: TextTable = (
        f"{len(rejected)} of {len(rows)} files miss a limit",
        ("model", "format", run.task.headline.title, "p50 ms", "MB", "missed"),
        [_line(row, misses) for row, misses in rejected],
    )
    if not fitting:
        sys.stdout.write(rich_tables([table], ["no file keeps to all limits; those that miss the fewest come first"]))
        return 1
    if limits.max_mean_ms is not None:
        sys.stdout.write(rich_tables([table] if rejected else [], _cascade_reasons(fitting)))
        return 0
    best = max(fitting, key=lambda row: (_goodness(row), -(row.latency_p50_ms or np.inf)))
    sys.stdout.write(rich_tables([table] if rejected else [], _reasons(best, fitting, place)))
    if best.headline is not None:
        sys.stdout.write(rich_sentences(about(best, files_of_one_seed(run.rows), run, choices=fitting)))
    return 0


def missed_limits(row: Row, limits: Limits) -> list[str]:
    """What a row misses, each as `figure > limit`; what was not measured counts as missed where a limit asks for it."""
    if row.status == "failed":
        return [shorten(row.error or "failed", WIDEST_REASON)]
    figures_and_limits = (
        ("p50 ms", row.latency_p50_ms, limits.max_p50_ms, ">"),
        ("end-to-end p50 ms", row.end_to_end_latency_p50_ms, limits.max_end_to_end_p50_ms, ">"),
        ("mean ms of the cascade", row.cascade.mean_ms if row.cascade else None, limits.max_mean_ms, ">"),
        ("MB", _mega(row.size_bytes), limits.max_size_mb, ">"),
        ("MB of memory", _mega(row.inference_peak_memory_bytes), limits.max_memory_mb, ">"),
        (f"{MODALITIES[row.modality].unit}/s", row.texts_per_second, limits.min_texts_per_second, "<"),
        ("macro-F1", row.score("macro_f1"), limits.min_macro_f1, "<"),
        (row.headline_metric.title, row.headline, limits.min_headline, "<"),
    )
    missed = []
    for name, figure_of_row, limit, sign in figures_and_limits:
        if limit is None:
            continue
        value = figure_of_row.value if isinstance(figure_of_row, Score) else figure_of_row
        if value is None:
            missed.append(f"{name} not measured")
        elif value > limit if sign == ">" else value < limit:
            missed.append(f"{name} {value:.4g} {sign} {limit:g}")
    return missed


def _goodness(row: Row) -> float:
    """The headline, so that more is better; a row without quality is the worst."""
    if row.headline is None:
        return -np.inf
    return row.headline.value if row.headline_metric.higher_is_better else -row.headline.value


def _distance(rejected: tuple[Row, list[str]]) -> tuple[bool, int, float, float]:
    """What the nearest have least of: failed files last, then by limits missed, macro-F1 and latency."""
    row, misses = rejected
    return row.status == "failed", len(misses), -_goodness(row), row.latency_p50_ms or np.inf


def _reasons(best: Row, fitting: Sequence[Row], place: Path) -> list[str]:
    where = f", seed {best.seed}" if best.seed is not None else ""
    reason = (
        f"the highest {best.headline_metric.title} ({_headline(best)})"
        if best.headline is not None
        else "the lowest p50"
    )
    where += f": {os.path.normpath(run_folder(place) / best.bundle)}" if best.bundle else ""
    notes = [
        f"take {best.model} as {best.format}{where}",
        f"why: {reason} of {len(fitting)} files within all limits; {_latency(best)}, {_size(best)} MB",
    ]
    if best.status == "noisy":
        notes.append(f"mind: it was not measured in quiet ({best.noise})")
    equal = _maybe_equal(best, fitting, PredictionsTable.of_run(place))
    timed = [row for row in equal if row.latency_p50_ms and best.latency_p50_ms]
    faster = min(timed, key=lambda row: row.latency_p50_ms or np.inf, default=None)
    if faster and faster.latency_p50_ms and best.latency_p50_ms and faster.latency_p50_ms < best.latency_p50_ms:
        notes.append(
            f"or {faster.model} as {faster.format}: {_headline(faster)}, a difference within noise on these test "
            f"rows, and {best.latency_p50_ms / faster.latency_p50_ms:.1f} times faster"
        )
    return notes


def _cascade_reasons(fitting: Sequence[Row]) -> list[str]:
    """The best student in front of its teacher, by the headline of both together."""
    cascades = [(row, row.cascade) for row in fitting if row.cascade]
    best, cascade = max(cascades, key=lambda pair: pair[1].headline.value)
    metric, agreement = best.headline_metric, cascade.agreement
    return [
        f"take {best.model} as {best.format}, and ask the teacher where it is less sure than {cascade.threshold:.3f}"
        + (f": {best.bundle}" if best.bundle else ""),
        f"why: the highest {metric.title} of both together ({in_unit(metric, cascade.headline.value)}) of "
        f"{len(cascades)} files within all limits; it answers {cascade.share:.0%} of the test rows alone"
        + (f", {agreement:.1%} of these as the teacher" if agreement is not None else "")
        + f"; mean {figure(cascade.mean_ms)} ms from text to label",
    ]


def _maybe_equal(best: Row, fitting: Sequence[Row], table: PredictionsTable) -> list[Row]:
    """The other rows that a paired bootstrap on the run's predictions cannot tell from the best one."""
    best_outputs = table.of(best)
    if best_outputs is None:
        return []
    equal = []
    for row in fitting:
        outputs = table.of(row)
        if row is not best and outputs is not None and np.array_equal(outputs.targets, best_outputs.targets):
            task = task_of(row.task)
            change = compare_quality(task, best_outputs.targets, best_outputs.outputs, outputs.outputs)
            equal += [row] if change.verdict == "same" else []
    return equal


def _headline(row: Row) -> str:
    return in_unit(row.headline_metric, row.headline.value if row.headline else None)


def _of_one_seed(rows: Sequence[Row]) -> list[Row]:
    timed = [row for row in rows if row.end_to_end_latency_p50_ms is not None] or list(rows)
    seeds = [row.seed for row in timed if row.seed is not None]
    return [row for row in rows if row.seed is None or row.seed == seeds[0]] if seeds else list(rows)


def _latency(row: Row) -> str:
    if row.latency_p50_ms is None and row.end_to_end_latency_p50_ms is not None:
        return f"end-to-end p50 {figure(row.end_to_end_latency_p50_ms)} ms"
    return f"p50 {figure(row.latency_p50_ms)} ms" if row.latency_p50_ms is not None else "not timed"


def _line(row: Row, misses: Sequence[str]) -> list[str]:
    model = row.model + ("" if row.seed is None else f", seed {row.seed}")
    return [model, row.format, _headline(row), figure(row.latency_p50_ms), _size(row), "; ".join(misses)]


def _size(row: Row) -> str:
    return "" if row.size_bytes is None else f"{row.size_bytes / 1e6:.2f}"


def _mega(value: int | None) -> float | None:
    return None if value is None else value / 1e6
