"""A run as a table: for the terminal, Markdown, CSV or JSON."""

import io
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from bench.row import Group, Row
from bench.run_file import SCHEMA_VERSION, Run

Report = tuple[str, tuple[str, ...], list[list[str]]]  # title, header, lines
COLUMNS = (
    "model",
    "format",
    "macro-F1",
    "gap closed",
    "agree",
    "MB",
    "p50 ms",
    "p90 ms",
    "texts/s",
    "end-to-end\ntexts/s",
    "speed-up",
    "vs best\nexport",
    "",
)
NUMBERS_FROM = 2
WIDEST = 180
DROPPED_FIRST = (
    "p90 ms",
    "agree",
    "end-to-end\ntexts/s",
    "vs best\nexport",
    "transfer rows",
    "seeds",
    "MB",
    "texts/s",
    "gap closed",
)
NOTES = {
    "pareto": "★ no other row is both better and faster",
    "failed": "✗ failed its parity gate or its measurement: not to be used",
    "noisy": "~ measured while other work kept the machine busy",
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
    width = shutil.get_terminal_size((WIDEST, 50)).columns
    console = Console(file=io.StringIO(), force_terminal=True, width=width)
    dropped: list[str] = []
    for title, header, lines in _tables(run):
        hidden: list[str] = []
        while (
            Measurement.get(
                console, console.options.update(max_width=1000), _rich_table(title, header, lines, hidden)
            ).maximum
            > width
        ):
            droppable = [name for name in DROPPED_FIRST if name in header and name not in hidden]
            if not droppable:
                break
            hidden.append(droppable[0])
        dropped += hidden
        console.print(_rich_table(title, header, lines, hidden))
    notes = _footnotes(run)
    if dropped:
        names = ", ".join(name.replace("\n", " ") for name in dropped)
        notes.append(f"left out for want of width: {names} (a wider terminal or --format markdown shows all)")
    console.print("\n".join(notes), style="dim", highlight=False, markup=False)
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def _rich_table(title: str, header: Sequence[str], lines: Sequence[Sequence[str]], hidden: Sequence[str]) -> Table:
    table = Table(title=escape(title), title_justify="left", header_style="bold", padding=(0, 1 if not hidden else 0))
    shown = [number for number, name in enumerate(header) if name not in hidden]
    for number in shown:
        table.add_column(header[number], justify="left" if number < NUMBERS_FROM else "right", no_wrap=True)
    for line in lines:
        table.add_row(*(escape(line[number]) for number in shown), style="red" if line[-1].startswith("✗") else None)
    return table


def markdown_report(run: Run) -> str:
    """The same tables in Markdown."""
    parts = []
    for title, header, lines in _tables(run):
        names = [name.replace("\n", " ") for name in header]
        rules = ["---" if number < NUMBERS_FROM else "---:" for number in range(len(names))]
        body = [names, rules, *lines]
        parts.append(f"**{title}**\n\n" + "\n".join("| " + " | ".join(line) + " |" for line in body))
    return "\n\n".join([*parts, "  \n".join(_footnotes(run))]) + "\n"


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
    some_timed = any(row.latency_p50_ms is not None for row in run.rows)
    timed = [row for row in run.rows if row.latency_p50_ms is not None or row.status == "failed" or not some_timed]
    stars = best_tradeoffs(timed)
    seeds = sorted({row.seed for row in timed})
    title = f"{run.recipe['name']}: files measured, seed {', '.join(map(str, seeds))}"
    tables: list[Report] = [(title, COLUMNS, [_line(row, number in stars) for number, row in enumerate(timed)])]
    groups = [group for group in run.groups if group.seeds > 1 and group.format == _main_format(run)]
    if groups:
        header = ("model", "format", "macro-F1\nmean ± sd", "accuracy", "gap closed", "transfer rows", "seeds")
        tables.insert(0, (f"{run.recipe['name']}: means over seeds", header, [_group_line(group) for group in groups]))
    return tables


def _main_format(run: Run) -> str:
    """The format that the table of means shows: ONNX, or else the first that teacher and students share."""
    formats = [name for name in run.recipe["formats"] if name in run.recipe["teacher"]["formats"]]
    return "onnx" if "onnx" in formats else next(iter(formats), "eager")


def _line(row: Row, is_star: bool) -> list[str]:
    return [
        row.model,
        row.format,
        ""
        if row.macro_f1 is None
        else f"{_points(row.macro_f1)} [{_points(row.macro_f1_low)}, {_points(row.macro_f1_high)}]",
        _gap(row.gap_closed, row.gap_closed_low, row.gap_closed_high),
        _points(row.agreement),
        f"{row.size_bytes / 1e6:.2f}",
        _figure(row.latency_p50_ms),
        _figure(row.latency_p90_ms),
        _figure(row.texts_per_second),
        _figure(row.end_to_end_texts_per_second),
        _times(row.speedup),
        _times(row.speedup_best_export),
        {"failed": "✗", "noisy": "~"}.get(row.status, "") + ("★" if is_star else ""),
    ]


def _group_line(group: Group) -> list[str]:
    spread = f" ± {_points(group.macro_f1_spread)}" if group.macro_f1_spread is not None else ""
    return [
        group.model,
        group.format,
        _points(group.macro_f1) + spread,
        _points(group.accuracy),
        _gap(group.gap_closed, group.gap_closed_low, group.gap_closed_high),
        "" if group.transfer_rows is None else f"{group.transfer_rows:,}",
        str(group.seeds),
    ]


def _footnotes(run: Run) -> list[str]:
    shown = {"pareto", *(row.status for row in run.rows if row.status != "ok")}
    notes = [sentence for name, sentence in NOTES.items() if name in shown]
    for row in run.rows:
        if row.status == "failed":
            notes.append(f"✗ {row.model} as {row.format}, seed {row.seed}: {row.error}")
    notes.append(
        f"brackets: 95 % bootstrap intervals; speed: {run.recipe['threads']} thread(s), model only unless said, "
        f"batch-1 p50 on real texts; {run.machine['processor']}, {run.machine['cores']} cores; {run.created[:10]}"
    )
    return notes + [_labelling_note(labelling) for labelling in run.labelling[: run.recipe["speed_seeds"]]]


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


def _points(share: float | None) -> str:
    return "" if share is None else f"{share * 100:.1f}"


def _gap(value: float | None, low: float | None, high: float | None) -> str:
    return "" if value is None else f"{value:.2f} [{low:.2f}, {high:.2f}]"


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.1f}x"


def _figure(value: float | None) -> str:
    """Three significant digits, or whole thousands."""
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
