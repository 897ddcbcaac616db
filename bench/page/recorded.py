"""What a run folder holds beside its record: tables in Markdown, read back, and pictures."""

import base64
import re
from dataclasses import dataclass
from pathlib import Path

from bench.reports.layout import TextTable

ESCAPED = re.compile(r"\\(.)")
MEDIA_TYPES = {".svg": "image/svg+xml", ".png": "image/png"}  # the first is taken where both are there


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """The tables of a Markdown file that a run wrote, and the notes below them."""

    tables: tuple[TextTable, ...] = ()
    notes: tuple[str, ...] = ()


def recorded_tables(file: Path) -> Recorded:
    """What `markdown_tables` wrote to a file; nothing where there is none."""
    return read_markdown(file.read_text(encoding="utf-8")) if file.is_file() else Recorded()


def read_markdown(text: str) -> Recorded:
    """The tables and notes of a text that `markdown_tables` made."""
    parts = [part for part in text.strip("\n").split("\n\n") if part]
    tables: list[TextTable] = []
    notes: list[str] = []
    title = ""
    for part in parts:
        lines = part.split("\n")
        if lines[0].startswith("| "):
            header, _, *rows = [_cells(line) for line in lines]
            tables.append((title, tuple(header), rows))
        elif lines[0].startswith("**") and lines[0].endswith("**"):
            title = _plain(lines[0][2:-2])
        else:
            notes += [_plain(line.rstrip()) for line in lines]
    return Recorded(tables=tuple(tables), notes=tuple(notes))


def picture_data(folder: Path, name: str) -> str | None:
    """A picture of a run as a data URL, in which no script of an SVG is run; none where there is no picture."""
    for suffix, media_type in MEDIA_TYPES.items():
        file = folder / f"{name}{suffix}"
        if file.is_file():
            return f"data:{media_type};base64,{base64.b64encode(file.read_bytes()).decode('ascii')}"
    return None


def _cells(line: str) -> list[str]:
    # A bar inside a cell has a backslash before it, and no space.
    return [_plain(cell) for cell in line[2:-2].split(" | ")]


def _plain(text: str) -> str:
    return ESCAPED.sub(r"\1", text)
