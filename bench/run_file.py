"""The run folder: run.json, raw samples, predictions and bundles; written whole, read back with clear refusals."""

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from bench.machine import describe_machine, git_commit, package_versions
from bench.measure_step import Measurement
from bench.pipeline import Cell
from bench.recipe import Recipe
from bench.row import Group, Row
from export.bundle import RECORD, read_bundle
from materials.errors import RequestError
from materials.files import new_file, new_folder, write_json

SCHEMA_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Run:
    """What run.json holds; `labelling` says, for each seed, how fast the teacher's logits were made and by what."""

    recipe: Mapping[str, Any]
    machine: Mapping[str, Any]
    versions: Mapping[str, str]
    git_commit: str | None
    load_average: tuple[float, ...]
    created: str
    labelling: tuple[Mapping[str, Any], ...]
    rows: tuple[Row, ...]
    groups: tuple[Group, ...]


def describe_run(recipe: Recipe, cells: Sequence[Cell], rows: Sequence[Row], groups: Sequence[Group]) -> Run:
    """The record of a finished run."""
    labellings = {cell.logits: cell.seed for cell in cells}
    return Run(
        recipe=recipe.model_dump(mode="json"),
        machine=describe_machine(),
        versions=package_versions(),
        git_commit=git_commit(),
        load_average=os.getloadavg(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        labelling=tuple(
            {"seed": seed, **json.loads((folder / "labelling.json").read_text(encoding="utf-8"))}
            for folder, seed in labellings.items()
        ),
        rows=tuple(rows),
        groups=tuple(groups),
    )


def write_run(run: Run, cells: Sequence[Cell], folder: Path) -> None:
    """Fill the run folder. Bundles that are there already and unchanged are left as they are."""
    for cell, row in zip(cells, run.rows, strict=True):
        if row.bundle:
            _place_bundle(cell.bundle, folder / row.bundle)
    _write_parquet(_samples(cells), folder / "samples.parquet")
    _write_parquet(_predictions(cells), folder / "predictions.parquet")
    write_json(folder / "run.json", {"schema_version": SCHEMA_VERSION, **asdict(run)})


def read_run(place: Path) -> Run:
    """The run in a folder or in a run.json. Raises RequestError when there is none that this version can read."""
    file = place / "run.json" if place.is_dir() else place
    if not file.is_file():
        raise RequestError(
            f"there is no run in {place}; expected a folder with run.json, as `distilbench run` writes it"
        )
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        version = content.pop("schema_version")
        if version != SCHEMA_VERSION:
            raise RequestError(f"{file} has schema version {version}; this distilbench reads version {SCHEMA_VERSION}")
        rows = tuple(Row(**row) for row in content.pop("rows"))
        groups = tuple(Group(**group) for group in content.pop("groups"))
        return Run(**{**content, "labelling": tuple(content["labelling"]), "rows": rows, "groups": groups})
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError) as error:
        raise RequestError(f"{file} is no run file, or damaged ({type(error).__name__}: {error})") from None


def _place_bundle(source: Path, target: Path) -> None:
    if _is_sound_copy(target, source):
        return
    with new_folder(target) as temporary:
        for path in source.iterdir():
            if path.name != "stage.json":
                shutil.copyfile(path, temporary / path.name)


def _is_sound_copy(target: Path, source: Path) -> bool:
    """Whether the target is there, undamaged, and the bundle that the source is."""
    try:
        return read_bundle(target).files == json.loads((source / RECORD).read_text(encoding="utf-8"))["files"]
    except RequestError:
        return False


def _samples(cells: Sequence[Cell]) -> pd.DataFrame:
    frames = [
        pd.read_parquet(cell.measurement.samples).assign(model=cell.model, format=cell.format, seed=cell.seed)
        for cell in cells
        if isinstance(cell.measurement, Measurement) and cell.measurement.samples
    ]
    return pd.concat(frames) if frames else pd.DataFrame(columns=["model", "format", "seed", "nanoseconds"])


def _predictions(cells: Sequence[Cell]) -> pd.DataFrame:
    """One line for each test row of each cell: the logits, in the order of the test split."""
    frames = [
        pd.DataFrame(
            cell.measurement.logits, columns=[f"logit_{number}" for number in range(cell.measurement.logits.shape[1])]
        )
        .assign(model=cell.model, format=cell.format, seed=cell.seed)
        .rename_axis("test_row")
        .reset_index()
        for cell in cells
        if isinstance(cell.measurement, Measurement)
    ]
    return pd.concat(frames) if frames else pd.DataFrame(columns=["test_row", "model", "format", "seed"])


def _write_parquet(frame: pd.DataFrame, target: Path) -> None:
    with new_file(target) as temporary:
        frame.to_parquet(temporary, index=False, compression="zstd")
