"""A run as a table: for the terminal, Markdown, CSV or JSON."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict

from bench.record.row import Group, Row
from bench.record.run_file import Run, run_content
from bench.reports.extra_tables import exported, without_near_duplicates
from bench.reports.layout import (
    TextTable,
    figure,
    gap,
    in_items,
    in_unit,
    markdown_tables,
    over_launches,
    points,
    rich_tables,
    times,
    with_interval,
    without_blanks,
)
from bench.reports.notes import footnotes, is_timed
from bench.reports.published import published_table
from materials.tasks.metrics import Metric

QUALITY = "quality"  # stands for the columns of the task's metrics
COLUMNS = (
    "model",
    "format",
    QUALITY,
    "gap closed",
    "agree",
    "MB",
    "RAM\nMB",
    "p50 ms",
    "p90 ms",
    "p99 ms",
    "texts/s",
    "end-to-end\ntexts/s",
    "speed-up",
    "end-to-end\nspeed-up",
    "batched\nspeed-up",
    "128 tokens\nspeed-up",
    "vs best\nexport",
    "training\nmin",
    "",
)


def best_tradeoffs(rows: Sequence[Row]) -> set[int]:
    """The positions of the sound, timed rows that no other row beats in both the headline and batch-1 p50."""
    candidates = sorted(
        (
            (row.latency_p50_ms, -row.headline.value if row.headline_metric.higher_is_better else row.headline.value),
            number,
        )
        for number, row in enumerate(rows)
        if row.status != "failed" and row.headline is not None and row.latency_p50_ms is not None
    )
    best: set[int] = set()
    last: tuple[float, float] | None = None  # the slowest and best so far; its equals are kept beside it
    for figures, number in candidates:
        if last is None or figures[1] < last[1] or figures == last:
            best.add(number)
            last = figures
    return best


def rich_report(run: Run) -> str:
    """Tables in colour; columns that do not fit the terminal are left out, the least needed first."""
    return rich_tables(_tables(run), footnotes(run))


def markdown_report(run: Run) -> str:
    """The same tables in Markdown."""
    return markdown_tables(_tables(run), footnotes(run))


def csv_report(run: Run) -> str:
    """All rows with all their fields."""
    import pandas as pd

    return pd.DataFrame([asdict(row) for row in run.rows]).to_csv(index=False)


def json_report(run: Run) -> str:
    """The whole run file."""
    return json.dumps(run_content(run), indent=2, ensure_ascii=False) + "\n"


REPORTS: dict[str, Callable[[Run], str]] = {
    "rich": rich_report,
    "markdown": markdown_report,
    "csv": csv_report,
    "json": json_report,
}


def _tables(run: Run) -> list[TextTable]:
    tables = [
        *tables_before(run),
        _files(run),
        *tables_beside(run),
        exported(run),
    ]
    return [table for table in tables if table[2]]


def tables_beside(run: Run) -> list[TextTable]:
    """The tables beside that of files: fidelity, without near-duplicates, served, fixed shapes, and on a GPU."""
    leaks = without_near_duplicates(run)
    return [table for table in (*_fidelity(run), leaks, *_served(run), *_swept(run), *_on_gpu(run)) if table[2]]


def tables_before(run: Run) -> list[TextTable]:
    """The tables that come before that of files: published figures, and means over seeds."""
    return [table for table in (*published_table(run, main_format(run)), _means(run)) if table[2]]


def all_files(run: Run) -> TextTable:
    """A line for every row of a run, with its seed, be it timed or not."""
    star_positions = best_tradeoffs(run.rows)
    metrics = [metric for metric in run.task.metrics if metric.interval]
    model, format, *others = _file_header(run, metrics)
    lines = []
    for number, row in enumerate(run.rows):
        title, name, *cells = _line(row, metrics, number in star_positions)
        lines.append([title, name, "" if row.seed is None else str(row.seed), *cells])
    return without_blanks((f"{run.name}: all files", (model, format, "seed", *others), lines))


def _means(run: Run) -> TextTable:
    students_format = main_format(run)
    formats = {"teacher": _teacher_format(run, students_format), "peer": "library"}
    groups = [
        group for group in run.groups if group.seeds > 1 and group.format == formats.get(group.role, students_format)
    ]
    title = run.task.headline.title
    header = ("model", "format", f"{title}\nmean ± sd", "95 % t", "accuracy", "gap closed", "transfer rows", "seeds")
    return without_blanks((f"{run.name}: means over seeds", header, [_group_line(group) for group in groups]))


def _files(run: Run) -> TextTable:
    is_any_timed = any(is_timed(row) for row in run.rows)
    file_rows = [row for row in run.rows if is_timed(row) or row.status == "failed" or not is_any_timed]
    seeds = sorted({row.seed for row in file_rows if row.seed is not None})
    title = f"{run.name}: files measured" + (f", seed {', '.join(map(str, seeds))}" if run.recipe else "")
    return files_table(run, file_rows, title)


def files_table(run: Run, rows: Sequence[Row], title: str) -> TextTable:
    """A line for each of these rows; a star is given among all timed rows of the run."""
    star_positions = best_tradeoffs(run.rows)
    starred = [row for number, row in enumerate(run.rows) if number in star_positions]
    metrics = [metric for metric in run.task.metrics if metric.interval]
    lines = [_line(row, metrics, any(row is star for star in starred)) for row in rows]
    return without_blanks((title, _file_header(run, metrics), lines))


def _file_header(run: Run, metrics: Sequence[Metric]) -> tuple[str, ...]:
    header = tuple(
        name for column in COLUMNS for name in ([metric.title for metric in metrics] if column == QUALITY else [column])
    )
    return in_items(header, run.unit)


def _fidelity(run: Run) -> list[TextTable]:
    """How near each student comes on test rows to a teacher that was not trained on labels."""
    recipe = run.recipe or {}
    if not (recipe.get("data", {}).get("classes") or recipe.get("teacher", {}).get("architecture") == "outputs"):
        return []
    header = ("model", "format", "agreement", "KL nats", run.task.headline.title)
    lines = [
        [
            row.model,
            row.format,
            points(row.agreement),
            figure(row.divergence),
            with_interval(run.task.headline, row.headline),
        ]
        for row in run.rows
        if row.divergence is not None and (row.role, row.format) != ("teacher", "eager")
    ]
    return [(f"{run.name}: fidelity to the teacher on test rows", header, lines)]


def _served(run: Run) -> list[TextTable]:
    """The server scenario: what each file serves, one text at a time, while p99 stays under the bound."""
    served_rows = [row for row in run.rows if row.server_bound_ms is not None]
    header = in_items(("model", "format", "texts/s", "p99 ms", "bound ms"), run.unit)
    lines = [
        [
            row.model,
            row.format,
            figure(row.server_texts_per_second) or "none",
            figure(row.server_p99_ms),
            figure(row.server_bound_ms),
        ]
        for row in served_rows
    ]
    return [(f"{run.name}: Poisson arrivals served, item to decision", header, lines)]


def _swept(run: Run) -> list[TextTable]:
    """The sweep over fixed shapes, one line a file."""
    sweep_points = [point for row in run.rows for point in row.sweep or ()]
    shapes = sorted(
        {(point.length_tokens, point.batch_size) for point in sweep_points},
        key=lambda shape: (shape[0] or 0, shape[1]),
    )
    header = ("model", "format", *(_shape_name(size, length) for length, size in shapes))
    lines = []
    for row in run.rows:
        if row.sweep:
            p50_of_shape = {(point.length_tokens, point.batch_size): point.latency_p50_ms for point in row.sweep}
            lines.append([row.model, row.format, *(_cell(p50_of_shape, shape) for shape in shapes)])
    shape_words = run.unit if run.unit == "images" else f"{run.unit} x tokens"
    return [(f"{run.name}: p50 ms of fixed shapes, {shape_words}, model only", header, lines)]


def _on_gpu(run: Run) -> list[TextTable]:
    """What files measured on a GPU cost there: its own clock, memory and energy."""
    header = in_items(("model", "format", "CUDA events p50 ms", "GPU MB", "GPU mJ each"), run.unit)
    lines = [
        [
            row.model,
            row.format,
            figure(row.cuda_events_p50_ms),
            "" if row.device_memory_bytes is None else f"{row.device_memory_bytes / 1e6:,.0f}",
            figure(row.energy_mj_per_text),
        ]
        for row in run.rows
        if row.device == "cuda" and is_timed(row)
    ]
    return [without_blanks((f"{run.name}: on the GPU", header, lines))]


def _shape_name(size: int, length: int | None) -> str:
    return f"{size}" if length is None else f"{size} x {length}"


def _cell(p50_of_shape: Mapping[tuple[int | None, int], float | None], shape: tuple[int | None, int]) -> str:
    return "refused" if shape in p50_of_shape and p50_of_shape[shape] is None else figure(p50_of_shape.get(shape))


def _teacher_format(run: Run, students_format: str) -> str:
    """The teacher's format in the table of means: the students', or eager if the teacher lacks it."""
    teacher_formats = {group.format for group in run.groups if group.role == "teacher"}
    return students_format if students_format in teacher_formats else "eager"


def main_format(run: Run) -> str:
    """The format that the table of means shows: of the students', where there are any, ONNX or else the first."""
    students = [group.format for group in run.groups if group.role == "student"]
    formats = students or [group.format for group in run.groups]
    return "onnx" if "onnx" in formats else next(iter(formats), "eager")


def _line(row: Row, metrics: Sequence[Metric], is_star: bool) -> list[str]:
    return [
        row.model,
        row.format,
        *(with_interval(metric, row.score(metric.name)) for metric in metrics),
        gap(row.gap_closed, row.gap_closed_low, row.gap_closed_high),
        points(row.agreement),
        "" if row.size_bytes is None else f"{row.size_bytes / 1e6:.2f}",
        "" if row.inference_peak_memory_bytes is None else f"{row.inference_peak_memory_bytes / 1e6:.0f}",
        over_launches(row, "latency_p50", "_ms"),
        figure(row.latency_p90_ms),
        figure(row.latency_p99_ms),
        over_launches(row, "texts_per_second"),
        over_launches(row, "end_to_end_texts_per_second"),
        times(row.speedup),
        times(row.end_to_end_speedup),
        times(row.batched_speedup),
        times(row.speedup_128_tokens),
        times(row.speedup_best_export),
        "" if row.training_seconds is None else figure(row.training_seconds / 60),
        {"failed": "✗", "noisy": "~"}.get(row.status, "") + ("★" if is_star else ""),
    ]


def _group_line(group: Group) -> list[str]:
    metric = group.headline_metric
    spread = f" ± {in_unit(metric, group.headline_spread)}" if group.headline_spread is not None else ""
    low, high = (in_unit(metric, end) for end in (group.headline_low, group.headline_high))
    return [
        group.model,
        group.format,
        in_unit(metric, group.headline) + spread,
        f"[{low}, {high}]" if low else "",
        points(group.accuracy),
        gap(group.gap_closed, group.gap_closed_low, group.gap_closed_high),
        "" if group.transfer_rows is None else f"{group.transfer_rows:,}",
        str(group.seeds),
    ]
