"""What a tracker is given of a finished run: the run as a whole, and each model with its files' figures and epochs."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import pandas as pd

from bench.advice.verdict import verdict
from bench.recipe.sweep import objectives_of
from bench.record.parquet import read_beside
from bench.record.place import refusing_odd_values, run_file, run_folder
from bench.record.row import Row
from bench.record.run_file import Run, read_run
from bench.reports.curves import FILE as HISTORY
from bench.reports.run_folder import NOT_ALWAYS, pictures_in
from materials.files import sha256_of

OF_A_MODEL = (
    *("model", "role", "task", "modality", "architecture", "objective", "objective_title", "transfer_rows", "reading"),
    *("seed", "parameters", "device", "threads"),
)
OF_A_FILE = ("status", "parity", "error", "noise", "export_setting", "provider", "bundle")  # words, where it has them
NO_SCORES = ("epoch", "seed", "rows")  # numbers of an epoch that are none of its figures
TABLES = ("table.md", *(name for name in NOT_ALWAYS if name.endswith(".md")))


@dataclass(frozen=True, kw_only=True)
class Tracked:
    """A run, or a model of it: what it was made with, its figures by name, its figures epoch by epoch, and words.

    `files` are those that belong to it, by the folder that they are kept in.
    """

    name: str
    is_sound: bool
    parameters: Mapping[str, str]
    figures: Mapping[str, float]
    words: Mapping[str, str]
    curves: Mapping[str, Sequence[tuple[int, float]]] = field(default_factory=dict)
    files: Mapping[str, Sequence[Path]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class TrackedRun:
    """A run with its models, one for each seed; `key` is the digest of its record and `created` when that was made."""

    experiment: str
    key: str
    created: str
    whole: Tracked
    models: Sequence[Tracked]


def tracked_run(place: Path) -> TrackedRun:
    """What is written of a run, named by its folder or its run.json. Raises RequestError as `read_run` does."""
    run, histories = read_run(place), read_beside(place, HISTORY)
    with refusing_odd_values(place):
        models: dict[tuple[str, int | None], list[Row]] = {}
        for row in run.rows:
            models.setdefault((row.model, row.seed), []).append(row)
        settings = _settings(run)
        return TrackedRun(
            experiment=run.name,
            key=sha256_of(run_file(place)),
            created=run.created,
            whole=_whole(run, run_folder(place)),
            models=[_model(rows, settings, _epochs(histories, *key)) for key, rows in models.items()],
        )


def _whole(run: Run, folder: Path) -> Tracked:
    described = {"recipe": run.recipe, "threads": run.threads, "machine": run.machine}
    groups = [(f"{group.model}/{group.format}", group) for group in run.groups]
    means = [(f"{name}/{group.headline_metric.name}", group.headline) for name, group in groups]
    gaps = [(f"{name}/gap_closed", group.gap_closed) for name, group in groups]
    speeds = [(f"labelling/seed {part['seed']}/rows_per_second", part["rows_per_second"]) for part in run.labelling]
    words = {"git_commit": run.git_commit or "", "verdict": " ".join(verdict(run))}
    return Tracked(
        name=f"{folder.resolve().name} {run.created}",
        is_sound=all(row.status != "failed" for row in run.rows),
        parameters=_as_words(_leaves(described)),
        figures=_finite([*means, *gaps, *speeds]),
        words=_as_words([*words.items(), *((f"version {name}", value) for name, value in run.versions.items())]),
        files={
            "pictures": [folder / name for name in pictures_in(folder)],
            "tables": [folder / name for name in TABLES if (folder / name).is_file()],
            "record": [run_file(folder)],
        },
    )


def _model(rows: Sequence[Row], settings: Mapping[str, Mapping[str, Any]], epochs: pd.DataFrame) -> Tracked:
    """A model with the figures of all its files, which bear the name of their format."""
    first = rows[0]
    described = {
        **{name: getattr(first, name) for name in OF_A_MODEL},
        "student": settings.get(f"student {first.student}") if first.role == "student" else None,
        "trained_for": settings.get(f"objective {first.objective_title}"),
    }
    figures = [(f"{row.format}/{name}", value) for row in rows for name, value in _figures(row)]
    words = [(f"{row.format}/{name}", getattr(row, name)) for row in rows for name in OF_A_FILE]
    return Tracked(
        name=first.model if first.seed is None else f"{first.model}, seed {first.seed}",
        is_sound=all(row.status != "failed" for row in rows),
        parameters=_as_words(_leaves(described)),
        figures=_finite(figures),
        words=_as_words(words),
        curves=_curves(epochs),
    )


def _settings(run: Run) -> dict[str, Mapping[str, Any]]:
    """What the recipe says of each student and objective, by their titles."""
    recipe = run.recipe or {}
    students = {f"student {part.get('name') or part['architecture']}": part for part in recipe.get("students", ())}
    objectives = {f"objective {part.title}": part.model_dump(mode="json") for part in objectives_of(recipe)}
    return {**students, **objectives}


def _figures(row: Row) -> Iterator[tuple[str, Any]]:
    for part in fields(row):
        value = getattr(row, part.name)
        if part.name not in OF_A_MODEL and isinstance(value, int | float) and not isinstance(value, bool):
            yield part.name, value
    for name, score in (row.scores or {}).items():
        yield from ((name, score.value), (f"{name}_low", score.low), (f"{name}_high", score.high))
    for name, share in (row.without_near_duplicates or {}).items():
        yield f"without_near_duplicates/{name}", share
    for point in row.sweep or ():
        length = "" if point.length_tokens is None else f"/length {point.length_tokens}"
        yield f"sweep/batch {point.batch_size}{length}/latency_p50_ms", point.latency_p50_ms
    if row.cascade:
        yield from (
            (f"cascade/{name}", getattr(row.cascade, name)) for name in ("threshold", "share", "agreement", "mean_ms")
        )
        yield f"cascade/{row.headline_metric.name}", row.cascade.headline.value


def _epochs(histories: pd.DataFrame, model: str, seed: int | None) -> pd.DataFrame:
    if histories.empty:
        return histories
    return histories[(histories["model"] == model) & (histories["seed"] == seed)]


def _curves(epochs: pd.DataFrame) -> dict[str, list[tuple[int, float]]]:
    """Every figure of a student's epochs: (epoch, value), without those that an epoch does not have."""
    names = [str(name) for name in epochs.select_dtypes("number").columns if name not in NO_SCORES]
    return {
        name: [
            (int(epoch), float(value))
            for epoch, value in zip(epochs["epoch"], epochs[name], strict=True)
            if math.isfinite(value)
        ]
        for name in names
    }


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """The values in a tree of groups and lists, by their path: recipe.students.0.epochs."""
    if isinstance(value, list | tuple) and any(isinstance(part, Mapping) for part in value):
        value = dict(enumerate(value))
    if not isinstance(value, Mapping):
        yield name, value
        return
    for key, part in value.items():
        yield from _leaves(part, f"{name}.{key}" if name else str(key))


def _as_words(pairs: Iterable[tuple[str, Any]]) -> dict[str, str]:
    """Values as text, lists with commas; without those that say nothing."""
    return {name: _text(value) for name, value in pairs if value not in (None, "", (), [], {})}


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _finite(pairs: Iterable[tuple[str, Any]]) -> dict[str, float]:
    return {name: float(value) for name, value in pairs if value is not None and math.isfinite(value)}
