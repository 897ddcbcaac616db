"""A run as a table: for the terminal, Markdown, CSV or JSON."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from bench.record.row import ALONE, Group, Row
from bench.record.run_file import SCHEMA_VERSION, Run
from bench.reports.export_table import exported
from bench.reports.layout import Report, figure, gap, markdown_tables, points, rich_tables, times
from bench.reports.published import published_table

COLUMNS = (
    "model",
    "format",
    "macro-F1",
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
    "",
)
NOTES = {
    "pareto": "★ no other row is both better and faster",
    "failed": "✗ failed its parity gate or its measurement: not to be used",
    "noisy": "~ not measured in quiet",
}


def best_tradeoffs(rows: Sequence[Row]) -> set[int]:
    """The positions of the sound, timed rows that no other row beats in both macro-F1 and batch-1 p50."""
    timed = [
        (number, row.macro_f1, row.latency_p50_ms)
        for number, row in enumerate(rows)
        if row.status != "failed" and row.macro_f1 is not None and row.latency_p50_ms is not None
    ]
    return {
        number
        for number, score, latency in timed
        if not any(
            other_score >= score and other_latency <= latency and (other_score, other_latency) != (score, latency)
            for _, other_score, other_latency in timed
        )
    }


def rich_report(run: Run) -> str:
    """Tables in colour; columns that do not fit the terminal are left out, the least needed first."""
    return rich_tables(_tables(run), _footnotes(run))


def markdown_report(run: Run) -> str:
    """The same tables in Markdown."""
    return markdown_tables(_tables(run), _footnotes(run))


def csv_report(run: Run) -> str:
    """All rows with all their fields."""
    import pandas as pd

    return pd.DataFrame([asdict(row) for row in run.rows]).to_csv(index=False)


def json_report(run: Run) -> str:
    """The whole run file."""
    return json.dumps({"schema_version": SCHEMA_VERSION, **asdict(run)}, indent=2, ensure_ascii=False) + "\n"


REPORTS: dict[str, Callable[[Run], str]] = {
    "rich": rich_report,
    "markdown": markdown_report,
    "csv": csv_report,
    "json": json_report,
}


def _tables(run: Run) -> list[Report]:
    tables = [
        *published_table(run, main_format(run)),
        _means(run),
        _files(run),
        *_served(run),
        *_swept(run),
        exported(run),
    ]
    return [table for table in tables if table[2]]


def _means(run: Run) -> Report:
    shown = main_format(run)
    formats = {"teacher": _teacher_format(run, shown), "peer": "library"}
    groups = [group for group in run.groups if group.seeds > 1 and group.format == formats.get(group.role, shown)]
    header = ("model", "format", "macro-F1\nmean ± sd", "95 % t", "accuracy", "gap closed", "transfer rows", "seeds")
    return f"{run.name}: means over seeds", header, [_group_line(group) for group in groups]


def _files(run: Run) -> Report:
    some_timed = any(_is_timed(row) for row in run.rows)
    shown = [row for row in run.rows if _is_timed(row) or row.status == "failed" or not some_timed]
    stars = best_tradeoffs(shown)
    seeds = sorted({row.seed for row in shown if row.seed is not None})
    title = f"{run.name}: files measured" + (f", seed {', '.join(map(str, seeds))}" if run.recipe else "")
    return _without_blanks((title, COLUMNS, [_line(row, number in stars) for number, row in enumerate(shown)]))


def _without_blanks(table: Report) -> Report:
    """The table without the columns that say nothing in any line; the last one, for signs, stays."""
    title, header, lines = table
    kept = [number for number in range(len(header)) if not header[number] or any(line[number] for line in lines)]
    return title, tuple(header[number] for number in kept), [[line[number] for number in kept] for line in lines]


def _is_timed(row: Row) -> bool:
    return row.latency_p50_ms is not None or row.end_to_end_latency_p50_ms is not None


def _served(run: Run) -> list[Report]:
    """The server scenario: what each file serves, one text at a time, while p99 stays under the bound."""
    served = [row for row in run.rows if row.server_bound_ms is not None]
    header = ("model", "format", "texts/s", "p99 ms", "bound ms")
    lines = [
        [
            row.model,
            row.format,
            figure(row.server_texts_per_second) or "none",
            figure(row.server_p99_ms),
            figure(row.server_bound_ms),
        ]
        for row in served
    ]
    return [(f"{run.name}: Poisson arrivals served, text to label", header, lines)]


def _swept(run: Run) -> list[Report]:
    """The sweep over fixed shapes, one line a file."""
    shapes = sorted({(point.length_tokens, point.batch_size) for row in run.rows for point in row.sweep or ()})
    header = ("model", "format", *(f"{size} x {length}" for length, size in shapes))
    lines = []
    for row in run.rows:
        if row.sweep:
            known = {(point.length_tokens, point.batch_size): point.latency_p50_ms for point in row.sweep}
            lines.append([row.model, row.format, *(_at(known, shape) for shape in shapes)])
    return [(f"{run.name}: p50 ms of fixed shapes, texts x tokens, model only", header, lines)]


def _at(known: Mapping[tuple[int, int], float | None], shape: tuple[int, int]) -> str:
    return "refused" if shape in known and known[shape] is None else figure(known.get(shape))


def _teacher_format(run: Run, shown: str) -> str:
    """The same for the teacher, which may not have it: then eager."""
    return shown if any((group.role, group.format) == ("teacher", shown) for group in run.groups) else "eager"


def main_format(run: Run) -> str:
    """The format that the table of means shows: of the students', where there are any, ONNX or else the first."""
    students = [group.format for group in run.groups if group.role == "student"]
    formats = students or [group.format for group in run.groups]
    return "onnx" if "onnx" in formats else next(iter(formats), "eager")


def _line(row: Row, is_star: bool) -> list[str]:
    return [
        row.model,
        row.format,
        ""
        if row.macro_f1 is None
        else f"{points(row.macro_f1)} [{points(row.macro_f1_low)}, {points(row.macro_f1_high)}]",
        gap(row.gap_closed, row.gap_closed_low, row.gap_closed_high),
        points(row.agreement),
        "" if row.size_bytes is None else f"{row.size_bytes / 1e6:.2f}",
        "" if row.inference_peak_memory_bytes is None else f"{row.inference_peak_memory_bytes / 1e6:.0f}",
        figure(row.latency_p50_ms),
        figure(row.latency_p90_ms),
        figure(row.latency_p99_ms),
        figure(row.texts_per_second),
        figure(row.end_to_end_texts_per_second),
        times(row.speedup),
        times(row.end_to_end_speedup),
        times(row.batched_speedup),
        times(row.speedup_128_tokens),
        times(row.speedup_best_export),
        {"failed": "✗", "noisy": "~"}.get(row.status, "") + ("★" if is_star else ""),
    ]


def _group_line(group: Group) -> list[str]:
    spread = f" ± {points(group.macro_f1_spread)}" if group.macro_f1_spread is not None else ""
    return [
        group.model,
        group.format,
        points(group.macro_f1) + spread,
        "" if group.macro_f1_low is None else f"[{points(group.macro_f1_low)}, {points(group.macro_f1_high)}]",
        points(group.accuracy),
        gap(group.gap_closed, group.gap_closed_low, group.gap_closed_high),
        "" if group.transfer_rows is None else f"{group.transfer_rows:,}",
        str(group.seeds),
    ]


def _footnotes(run: Run) -> list[str]:
    timed = any(_is_timed(row) for row in run.rows)
    shown = {*(["pareto"] if timed else []), *(row.status for row in run.rows if row.status != "ok")}
    notes = [sentence for name, sentence in NOTES.items() if name in shown]
    for row in run.rows:
        if row.status != "ok":
            title = f"{row.model} as {row.format}" + ("" if row.seed is None else f", seed {row.seed}")
            notes.append(f"{'✗' if row.status == 'failed' else '~'} {title}: {row.error or row.noise}")
    speed = f"speed: {run.threads} thread(s), model only unless said, batch-1 p50 on real texts; " if timed else ""
    machine = f"{run.machine['processor']}, {run.machine['cores']} cores; {run.created[:10]}"
    notes.append(f"brackets: 95 % bootstrap intervals; {speed}{machine}")
    days = sorted({row.measured_at[:10] for row in run.rows if row.measured_at and _is_timed(row)})
    if len(days) > 1:
        notes.append(
            f"timed on {len(days)} days, {days[0]} to {days[-1]}: speed-ups across days mix two states of the machine; "
            "`distilbench cache --prune --kind measurement` and a new run time all files together"
        )
    if (run.recipe or {}).get("published"):
        notes.append(
            "published figures come from another machine and other runs, often from other data; a published gap "
            "closed is counted on accuracy, ours on macro-F1"
        )
    notes += [f"the teacher is no better than {model}: there is no gap to close" for model in _without_gap(run)]
    notes += [f"there is no {name}" for name in _impossible(run)]
    timed_seeds = {row.seed for row in run.rows if _is_timed(row)}
    return notes + [_labelling_note(labelling) for labelling in run.labelling if labelling["seed"] in timed_seeds]


def _without_gap(run: Run) -> list[str]:
    """The students that alone are as good as their teacher, for at least one seed."""
    teachers = {row.seed: row.macro_f1 for row in run.rows if (row.role, row.format) == ("teacher", "eager")}
    alone = [row for row in run.rows if row.objective_title == ALONE and row.status != "failed"]
    names = [
        row.model + ("" if len(teachers) < 2 else f", seed {row.seed}")
        for row in alone
        if row.macro_f1 is not None and row.macro_f1 >= (teachers.get(row.seed) or 1)
    ]
    return list(dict.fromkeys(names))


def _impossible(run: Run) -> list[str]:
    """The pairs of student and format that the recipe names and that cannot be, each with its reason."""
    from export.formats import EXPORTERS

    recipe = run.recipe or {}
    names = [name for name in recipe.get("formats", ()) if name in EXPORTERS]
    return [
        f"{architecture} as {name}: {EXPORTERS[name].impossible[architecture]}"
        for architecture in dict.fromkeys(student["architecture"] for student in recipe.get("students", ()))
        for name in names
        if architecture in EXPORTERS[name].impossible
    ]


def _labelling_note(labelling: Mapping[str, Any]) -> str:
    common, format = labelling["common_rows_per_second"], labelling["format"]
    fastest = labelling["sample_rows_per_second"][format]
    parts = (
        f"teacher logits, seed {labelling['seed']}: on the same {labelling['sample_rows']} rows and",
        f"{labelling['threads']} thread(s), {fastest:,.0f} rows/s by {format} in batches of equal length against",
        f"{common:,.0f} rows/s the common way (eager fp32, batches of 32 padded to 128): {fastest / common:.1f} times;",
        f"{labelling['agreement_with_common']:.1%} of the labels agree",
    )
    return " ".join(parts)
