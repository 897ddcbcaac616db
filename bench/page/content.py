"""What the page says of one run, gathered from its record and its folder."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.advice.verdict import verdict
from bench.page.matrices import Matrix, matrices_of
from bench.page.recorded import Recorded, picture_data, recorded_tables
from bench.record.place import run_folder
from bench.record.run_file import Run
from bench.reports.extra_tables import exported
from bench.reports.layout import TextTable, without_blanks
from bench.reports.notes import footnotes
from bench.reports.report import tables_before, tables_beside

PICTURES = {"curves": "how the students learned", "sweep": "each point of the sweep, against the student alone"}
MOST_LINES = 500  # of what is of less interest than the files themselves


@dataclass(frozen=True, kw_only=True)
class Content:
    """All parts of one run's section; a part that the run does not have is empty."""

    name: str
    anchor: str
    description: str
    verdict: tuple[str, ...]
    tables: tuple[TextTable, ...]
    pictures: Mapping[str, str]
    curves: Recorded
    sweep: Recorded
    significance: Recorded
    matrices: tuple[Matrix, ...]
    matrices_note: str
    parity: TextTable
    exported: TextTable
    measured: Mapping[str, str]
    recipe: str
    notes: tuple[str, ...]


def content_of(run: Run, place: Path, number: int) -> Content:
    """The section of a run; `number` tells runs of one name apart."""
    folder = run_folder(place)
    matrices, matrices_note = matrices_of(run)
    pictures = {text: data for name, text in PICTURES.items() if (data := picture_data(folder, name))}
    return Content(
        name=run.name,
        anchor=f"run-{number}",
        description=(run.recipe or {}).get("description") or "",
        verdict=tuple(verdict(run)),
        tables=tuple(map(_shortened, (*tables_before(run), *tables_beside(run)))),
        pictures=pictures,
        curves=recorded_tables(folder / "curves.md"),
        sweep=recorded_tables(folder / "sweep.md"),
        significance=recorded_tables(folder / "significance.md"),
        matrices=tuple(matrices),
        matrices_note=matrices_note,
        parity=_shortened(_parity(run)),
        exported=_shortened(exported(run)),
        measured=_measured(run),
        recipe=json.dumps(run.recipe, indent=2, ensure_ascii=False) if run.recipe else "",
        notes=tuple(footnotes(run)),
    )


def _parity(run: Run) -> TextTable:
    header = ("model", "format", "seed", "parity", "setting", "failed before", "why")
    lines = [
        [
            row.model,
            row.format,
            "" if row.seed is None else str(row.seed),
            row.parity,
            row.export_setting or "",
            "; ".join(row.export_failed_settings or ()),
            row.error or "",
        ]
        for row in run.rows
    ]
    return without_blanks((f"{run.name}: does each file compute what its model computes?", header, lines))


def _measured(run: Run) -> dict[str, str]:
    """On what, with what and when a run was measured, by name."""
    machine = {name.replace("_", " "): _as_text(name, value) for name, value in run.machine.items()}
    figures = {
        **machine,
        "threads": str(run.threads),
        "load before": ", ".join(f"{load:.2f}" for load in run.load_average),
        "devices": ", ".join(dict.fromkeys(row.device for row in run.rows)),
        "measured": run.created,
        "commit": run.git_commit or "",
        "versions": ", ".join(f"{name} {version}" for name, version in run.versions.items()),
    }
    return {name: text for name, text in figures.items() if text}


def _as_text(name: str, value: Any) -> str:
    if name.endswith("_bytes"):
        return f"{value / 1e9:.1f} GB"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {part}" for key, part in value.items())
    return ", ".join(map(str, value)) if isinstance(value, Sequence) and not isinstance(value, str) else str(value)


def _shortened(table: TextTable) -> TextTable:
    title, header, lines = table
    if len(lines) <= MOST_LINES:
        return table
    return f"{title} (the first {MOST_LINES:,} of {len(lines):,} lines)", header, lines[:MOST_LINES]
