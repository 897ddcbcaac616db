"""Tables of text for the terminal and for Markdown, and how figures are written in them."""

import io
import re
import shutil
import sys
from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console, JustifyMethod
from rich.measure import Measurement
from rich.table import Table

from bench.record.row import Row, Score
from materials.modalities import MODALITIES
from materials.tasks.metrics import Metric

TextTable = tuple[str, tuple[str, ...], list[list[str]]]  # title, header, lines
NUMBERS_FROM = 2
WRAPPED = {"failed before": 40}  # columns that may take several lines, and how wide they get
WIDEST = 180
DROPPED_FIRST = (
    "teacher\ntexts/s",
    "teacher\nmin",
    "lost",
    "minus peer",
    "best alone",
    "F1 of classes\npublished",
    "F1 of classes\nhere",
    "published as",
    "evaluation s\npublished",
    "evaluation s\nhere",
    "weighted-F1\npublished",
    "weighted-F1\nhere",
    "speed-up\npublished",
    "speed-up\nhere",
    "accuracy\npublished",
    "accuracy\nhere",
    "gap closed\npublished",
    "gap closed\nhere",
    "MB\nbase, new",
    "p50 ms\nbase, new",
    "macro-F1\nbase, new",
    "end-to-end\nratio",
    "p99 ms",
    "p90 ms",
    "training\nmin",
    "RAM\nMB",
    "agree",
    "end-to-end\ntexts/s",
    "128 tokens\nspeed-up",
    "end-to-end\nspeed-up",
    "batched\nspeed-up",
    "vs best\nexport",
    "transfer rows",
    "seeds",
    "failed before",
    "export\npeak MB",
    "of fp32",
    "MB",
    "texts/s",
    "gap closed",
    "unlabelled",
)


def in_items(header: tuple[str, ...], unit: str) -> tuple[str, ...]:
    """A header whose rates are those of texts, with what the items are called in their place."""
    return tuple(name.replace("texts/s", f"{unit}/s") for name in header)


# Within a word an underscore styles nothing; a bracket links before a parenthesis; < opens a tag before a letter.
MARKDOWN_SIGNS = re.compile(r"[|*`\\]|~(?=~)|(?<![^\W_])_|_(?![^\W_])|\[(?=[^]]*]\()|<(?=[a-zA-Z/!?])")
ALL_DROPPED_FIRST = tuple(
    dict.fromkeys(name for kind in MODALITIES.values() for name in in_items(DROPPED_FIRST, kind.unit))
)


def without_blanks(table: TextTable) -> TextTable:
    """The table without the columns that are blank in every line; the last, for signs, has no name and stays."""
    title, header, lines = table
    columns = [number for number in range(len(header)) if not header[number] or any(line[number] for line in lines)]
    return title, tuple(header[number] for number in columns), [[line[number] for number in columns] for line in lines]


def rich_tables(tables: Sequence[TextTable], notes: Sequence[str]) -> str:
    """Any tables, as wide as the terminal and in colour where there is one, with notes below."""
    width = shutil.get_terminal_size((WIDEST, 50)).columns
    console = Console(file=io.StringIO(), force_terminal=sys.stdout.isatty(), width=width, markup=False, emoji=False)
    dropped_columns: list[str] = []
    for title, header, lines in tables:
        hidden_columns = _hidden_columns(console, title, header, lines)
        dropped_columns += [name for name in hidden_columns if name not in dropped_columns]
        console.print(_rich_table(title, header, lines, hidden_columns))
    lines_below = list(notes)
    if dropped_columns:
        names = ", ".join(name.replace("\n", " ") for name in dropped_columns)
        lines_below.append(
            f"left out for want of width: {names} (a wider terminal shows all, as does --format markdown)"
        )
    console.print("\n".join(lines_below), style="dim", highlight=False)
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def rich_sentences(sentences: Sequence[str]) -> str:
    """Sentences below a blank line, each on lines of its own as wide as the terminal; nothing without any."""
    if not sentences:
        return ""
    width = shutil.get_terminal_size((WIDEST, 50)).columns
    console = Console(file=io.StringIO(), force_terminal=sys.stdout.isatty(), width=width)
    console.print("", *sentences, sep="\n", style="bold", highlight=False, markup=False)
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def markdown_tables(tables: Sequence[TextTable], notes: Sequence[str]) -> str:
    """Any tables in Markdown, with notes below."""
    parts = []
    for title, header, lines in tables:
        names = [markdown_text(name) for name in header]
        rules = ["---" if number < NUMBERS_FROM else "---:" for number in range(len(names))]
        table_lines = [names, rules, *([markdown_text(cell) for cell in line] for line in lines)]
        parts.append(
            f"**{markdown_text(title)}**\n\n" + "\n".join("| " + " | ".join(line) + " |" for line in table_lines)
        )
    return "\n\n".join([*parts, "  \n".join(map(markdown_text, notes))]) + "\n"


def markdown_text(text: str) -> str:
    """A text on one line, with the signs escaped that end a cell, style it, link or are HTML: users name things."""
    return MARKDOWN_SIGNS.sub(r"\\\g<0>", " ".join(text.splitlines()))


def _hidden_columns(console: Console, title: str, header: Sequence[str], lines: Sequence[Sequence[str]]) -> list[str]:
    """The columns to leave out so that the table fits, the least needed first."""
    hidden_columns: list[str] = []
    # Measured against more room than any terminal has: rich never measures a table wider than its options allow.
    wide_options = console.options.update(max_width=1000)
    # A table is as wide as one line of its widest cells, which is measured in no time.
    widest_line = [max((line[number] for line in lines), key=_cell_width, default="") for number in range(len(header))]
    while (
        Measurement.get(console, wide_options, _rich_table(title, header, [widest_line], hidden_columns)).maximum
        > console.width
    ):
        droppable = [name for name in ALL_DROPPED_FIRST if name in header and name not in hidden_columns]
        if not droppable:
            break
        hidden_columns.append(droppable[0])
    return hidden_columns


def _cell_width(text: str) -> int:
    return max(map(cell_len, text.splitlines()), default=0)


def _rich_table(
    title: str, header: Sequence[str], lines: Sequence[Sequence[str]], hidden_columns: Sequence[str]
) -> Table:
    table = Table(title=title, title_justify="left", header_style="bold", padding=(0, 1 if not hidden_columns else 0))
    visible_columns = [number for number, name in enumerate(header) if name not in hidden_columns]
    for number in visible_columns:
        justify: JustifyMethod = "left" if number < NUMBERS_FROM else "right"
        max_width = WRAPPED.get(header[number])
        table.add_column(header[number], justify=justify, no_wrap=max_width is None, max_width=max_width)
    for line in lines:
        table.add_row(*(line[number] for number in visible_columns), style="red" if line[-1].startswith("✗") else None)
    return table


def points(share: float | None) -> str:
    """A share in points, or nothing."""
    return "" if share is None else f"{share * 100:.1f}"


def in_unit(metric: Metric, value: float | None) -> str:
    """A metric in points, or as it is where it has another unit, or nothing."""
    return points(value) if metric.unit == "points" else figure(value)


def with_interval(metric: Metric, score: Score | None) -> str:
    """A score with its interval, or nothing."""
    if score is None:
        return ""
    value = in_unit(metric, score.value)
    return value if score.low is None else f"{value} [{in_unit(metric, score.low)}, {in_unit(metric, score.high)}]"


def change_in_points(share: float) -> str:
    """A difference of shares in points with its sign, with as many digits as tell it from zero."""
    tenths = f"{share * 100:+.1f}"
    return tenths if float(tenths) or not share else f"{share * 100:+.1g}"


def gap(value: float | None, low: float | None, high: float | None) -> str:
    """A ratio with its interval, or nothing."""
    return "" if value is None else f"{value:.2f} [{low:.2f}, {high:.2f}]"


def times(ratio: float | None) -> str:
    """How many times, or nothing."""
    return "" if ratio is None else f"{ratio:.1f}x"


def over_launches(row: Row, stem: str, unit: str = "") -> str:
    """A time or rate of a row, or nothing; with its interval where several launches gave it."""
    value, low, high = (figure(getattr(row, f"{stem}{end}{unit}")) for end in ("", "_low", "_high"))
    return f"{value} [{low}, {high}]" if value and len(row.launches or ()) > 1 else value


def figure(value: float | None) -> str:
    """Three significant digits, or whole thousands."""
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
