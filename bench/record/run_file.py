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

from bench.recipe.recipe import Recipe
from bench.record.machine import describe_gpu, describe_machine, git_commit, package_versions
from bench.record.row import Group, Row, SweepPoint
from bench.steps.measure import Measurement
from bench.steps.pipeline import Cell
from export.bundle import RECORD, read_bundle
from materials.errors import RequestError
from materials.files import new_file, new_folder, write_json
from materials.rows import Rows

SCHEMA_VERSION = 2
TEST_ROWS = "test-rows"


@dataclass(frozen=True, kw_only=True)
class Run:
    """What run.json holds; `labelling` says, for each seed, how fast the teacher's logits were made and by what.

    `recipe` is none where models were measured that no recipe made here.
    """

    name: str
    recipe: Mapping[str, Any] | None
    threads: int
    machine: Mapping[str, Any]
    versions: Mapping[str, str]
    git_commit: str | None
    load_average: tuple[float, ...]
    created: str
    labelling: tuple[Mapping[str, Any], ...]
    rows: tuple[Row, ...]
    groups: tuple[Group, ...]


@dataclass(frozen=True, kw_only=True)
class Artefact:
    """What lies beside run.json for one row: the bundle's place and source, and its measurement on `test_rows`."""

    row: Row
    source: Path | None
    measurement: Measurement | str
    test_rows: Rows
    label_names: tuple[str, ...]


def describe_run(
    name: str,
    rows: Sequence[Row],
    *,
    threads: int,
    recipe: Recipe | None = None,
    cells: Sequence[Cell] = (),
    groups: Sequence[Group] = (),
) -> Run:
    """The record of a finished run."""
    labellings = {cell.logits: cell.seed for cell in cells}
    return Run(
        name=name,
        recipe=recipe.model_dump(mode="json") if recipe else None,
        threads=threads,
        machine={**describe_machine(), **({"gpu": describe_gpu()} if _is_on_gpu(rows) else {})},
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


def write_run(run: Run, artefacts: Sequence[Artefact], folder: Path) -> None:
    """Fill the run folder. Bundles that are there already and unchanged are left as they are."""
    for artefact in artefacts:
        if artefact.row.bundle and artefact.source:
            _place_bundle(artefact.source, folder / artefact.row.bundle)
        file = folder / TEST_ROWS / f"seed-{artefact.row.seed or 0}.parquet"
        names = [artefact.label_names[label] if label >= 0 else None for label in artefact.test_rows.targets.tolist()]
        _write_parquet(pd.DataFrame({"text": artefact.test_rows.items, "label": names}), file)
    _write_parquet(_samples(artefacts), folder / "samples.parquet")
    _write_parquet(_predictions(artefacts), folder / "predictions.parquet")
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
        rows = tuple(_read_row(row) for row in content.pop("rows"))
        groups = tuple(Group(**group) for group in content.pop("groups"))
        return Run(**{**content, "labelling": tuple(content["labelling"]), "rows": rows, "groups": groups})
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError) as error:
        raise RequestError(f"{file} is no run file, or damaged ({type(error).__name__}: {error})") from None


def _is_on_gpu(rows: Sequence[Row]) -> bool:
    return any(row.device == "cuda" for row in rows)


def _read_row(content: dict[str, Any]) -> Row:
    points = content.pop("sweep", None)
    return Row(**content, sweep=points and tuple(SweepPoint(**point) for point in points))


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


def _samples(artefacts: Sequence[Artefact]) -> pd.DataFrame:
    """Every single time of every row."""
    frames = [
        _tagged(pd.read_parquet(one.measurement.samples), one.row)
        for one in artefacts
        if isinstance(one.measurement, Measurement) and one.measurement.samples
    ]
    return pd.concat(frames) if frames else pd.DataFrame(columns=["model", "format", "seed", "nanoseconds"])


def _predictions(artefacts: Sequence[Artefact]) -> pd.DataFrame:
    """One line for each test row of each file, in their order: its label's number (-1: none) and the logits."""
    frames = []
    for one in artefacts:
        if isinstance(one.measurement, Measurement):
            logits = one.measurement.logits
            names = [f"logit_{number}" for number in range(logits.shape[1])]
            frame = pd.DataFrame(logits, columns=names).assign(label=one.test_rows.targets)
            frames.append(_tagged(frame.rename_axis("test_row").reset_index(), one.row))
    return pd.concat(frames) if frames else pd.DataFrame(columns=["test_row", "label", "model", "format", "seed"])


def _tagged(frame: pd.DataFrame, row: Row) -> pd.DataFrame:
    return frame.assign(model=row.model, format=row.format, seed=pd.array([row.seed] * len(frame), dtype="Int64"))


def _write_parquet(frame: pd.DataFrame, target: Path) -> None:
    with new_file(target) as temporary:
        frame.to_parquet(temporary, index=False, compression="zstd")
