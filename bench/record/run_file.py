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

from bench.harness.measurement import Measurement
from bench.record.leaks import LeakRecord, read_leaks
from bench.record.machine import describe_gpu, describe_machine, git_commit, package_versions
from bench.record.place import RUN_FILE, run_file
from bench.record.predictions import FILE as PREDICTIONS
from bench.record.predictions import Artefact, predictions_frame, tagged
from bench.record.row import Cascade, Group, Launch, Row, Score, SweepPoint, check_row
from materials.errors import RequestError, with_kind
from materials.files import check_types, new_folder, read_json, remove_unfinished, write_json, write_parquet
from materials.modalities import MODALITIES
from materials.tasks import task_of
from materials.tasks.task import Task

SCHEMA_VERSION = 2
TEST_ROWS = "test-rows"
HEADLINE = "headline"


@dataclass(frozen=True, kw_only=True)
class Run:
    """What run.json holds; `labelling` says, for each seed, how fast the teacher's logits were made and by what.

    `impossible` says which files the machine could not run, and why, and `leaks` which test rows have near-duplicates
    among the rows that are learned from, one entry for each seed that has such rows. `recipe` is none where models were
    measured that no recipe made here.
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
    impossible: tuple[str, ...] = ()
    leaks: tuple[LeakRecord, ...] = ()

    @property
    def unit(self) -> str:
        """What its items are called in tables: texts, pairs or images."""
        return MODALITIES[self.rows[0].modality if self.rows else "text"].unit

    @property
    def task(self) -> Task:
        """What is asked of its models: of the first row, as all rows of a run are of one task."""
        return task_of(self.rows[0].task if self.rows else "single-label")


def describe_run(
    name: str,
    rows: Sequence[Row],
    *,
    threads: int,
    recipe: Mapping[str, Any] | None = None,
    labelling: Sequence[Mapping[str, Any]] = (),
    groups: Sequence[Group] = (),
    impossible: Sequence[str] = (),
    leaks: Sequence[LeakRecord] = (),
) -> Run:
    """The record of a finished run. `recipe` is its plain content, `labelling` what each seed's labelling was."""
    return Run(
        name=name,
        recipe=recipe,
        threads=threads,
        machine={**describe_machine(), **({"gpu": describe_gpu()} if _is_on_gpu(rows) else {})},
        versions=package_versions(),
        git_commit=git_commit(),
        load_average=os.getloadavg(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        labelling=tuple(labelling),
        rows=tuple(rows),
        groups=tuple(groups),
        impossible=tuple(impossible),
        leaks=tuple(leaks),
    )


def write_run(run: Run, artefacts: Sequence[Artefact], folder: Path) -> None:
    """Fill the run folder. Bundles that are there already and unchanged are left as they are.

    Bundles and test rows of an earlier run that this one does not have are removed.
    """
    # Written last: a run that is stopped here must not leave the record of an earlier one beside its own files.
    (folder / RUN_FILE).unlink(missing_ok=True)
    remove_earlier(artefacts, folder)
    for artefact in artefacts:
        if artefact.row.bundle and artefact.source:
            threshold = artefact.row.cascade.threshold if artefact.row.cascade else None
            _place_bundle(artefact.source, folder / artefact.row.bundle, sure_from=threshold)
        rows, task = artefact.test_rows, task_of(artefact.row.task)
        labels = task.labels_of(rows.targets, artefact.label_names)
        frame = pd.DataFrame({**rows.kind.as_columns(rows.items), "label": labels})
        write_parquet(folder / TEST_ROWS / f"seed-{artefact.row.seed or 0}.parquet", frame)
    write_parquet(folder / "samples.parquet", _samples(artefacts))
    write_parquet(folder / PREDICTIONS, predictions_frame(artefacts))
    write_json(folder / RUN_FILE, run_content(run))


def remove_earlier(artefacts: Sequence[Artefact], folder: Path) -> None:
    """Remove the bundles and test rows in a run folder that are of none of the artefacts, where these bring bundles."""
    if not any(artefact.source for artefact in artefacts):  # measured where they lie, which may be here
        return
    from export.bundle import RECORD

    bundles = {folder / artefact.row.bundle for artefact in artefacts if artefact.row.bundle}
    for record in folder.glob(f"bundles/seed-*/*/*/{RECORD}"):
        if record.parent not in bundles:
            shutil.rmtree(record.parent)
            if not any(record.parent.parent.iterdir()):
                record.parent.parent.rmdir()
    seeds = {artefact.row.seed or 0 for artefact in artefacts}
    for file in (folder / TEST_ROWS).glob("seed-*.parquet"):
        if file.stem not in {f"seed-{seed}" for seed in seeds}:
            file.unlink()


def run_content(run: Run) -> dict[str, Any]:
    """The content of run.json; a group's headline carries the name of its metric."""
    content = {"schema_version": SCHEMA_VERSION, **asdict(run)}
    content["groups"] = [_group_content(group) for group in run.groups]
    return content


def read_run(place: Path) -> Run:
    """The run in a folder or in a run.json. Raises RequestError when there is none that this version can read."""
    file = run_file(place)
    if not file.is_file():
        league = f"; a league is shown by `distilbench league --show --output {place}`"
        raise RequestError(
            f"there is no run in {place}; expected a folder with run.json, as `distilbench run` writes it"
            f"{league if (place / 'league.json').is_file() else ''}"
        )
    try:
        content = read_json(file)
        version = content.pop("schema_version")
        if version != SCHEMA_VERSION:
            raise RequestError(
                f"{file} has schema version {version!r:.20}; this distilbench reads version {SCHEMA_VERSION}"
            )
        lists = {name: tuple(_listed(content.get(name, []), name)) for name in ("labelling", "impossible")}
        rows = tuple(map(_read_row, _listed(content.pop("rows"), "rows")))
        groups = tuple(map(_read_group, _listed(content.pop("groups"), "groups")))
        leaks = tuple(map(read_leaks, _listed(content.get("leaks", []), "leaks")))
        run = Run(**{**content, **lists, "rows": rows, "groups": groups, "leaks": leaks})
        check_types(run)
        for row in rows:
            check_row(row)
        return run
    except OSError as error:
        raise RequestError(f"{file} cannot be read: {error.strerror}") from None
    except RequestError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RequestError(f"{file} is no run file, or damaged ({with_kind(error)})") from None


def _is_on_gpu(rows: Sequence[Row]) -> bool:
    return any(row.device == "cuda" for row in rows)


def _listed(value: Any, name: str) -> list[Any]:
    """A list. Raises TypeError for what is none, such as text, which would be taken for one of letters."""
    if not isinstance(value, list):
        raise TypeError(f"{name} is {value!r:.60}")
    return value


def _read_row(content: dict[str, Any]) -> Row:
    points, scores = content.pop("sweep", None), content.pop("scores", None)
    cascade, launches = content.pop("cascade", None), content.pop("launches", None)
    task = task_of(content.pop("task")).name  # which older files call otherwise
    return Row(
        **content,
        task=task,
        cascade=cascade and Cascade(**{**cascade, "headline": Score(**cascade["headline"])}),
        launches=launches and tuple(Launch.read(launch) for launch in launches),
        sweep=points and tuple(SweepPoint(**point) for point in points),
        scores=scores and {name: Score(**score) for name, score in scores.items()},
    )


def _read_group(content: dict[str, Any]) -> Group:
    task = content.get("task", "single-label")
    metric = task_of(task).headline.name
    renamed = {name.replace(metric, HEADLINE) if name.startswith(metric) else name: content[name] for name in content}
    return Group(**renamed)


def _group_content(group: Group) -> dict[str, Any]:
    metric = group.headline_metric.name
    return {
        name.replace(HEADLINE, metric) if name.startswith(HEADLINE) else name: value
        for name, value in asdict(group).items()
    }


def _place_bundle(source: Path, target: Path, *, sure_from: float | None) -> None:
    """Copy a bundle that is not there yet, and let it say from which probability on it answers alone."""
    from export.bundle import RECORD

    if not _is_sound_copy(target, source):
        remove_unfinished(target)
        with new_folder(target) as temporary:
            for path in source.iterdir():
                if path.name != "stage.json":
                    shutil.copyfile(path, temporary / path.name)
    record = json.loads((target / RECORD).read_text(encoding="utf-8"))
    if record.get("sure_from") != sure_from:
        write_json(target / RECORD, {**record, "sure_from": sure_from})


def _is_sound_copy(target: Path, source: Path) -> bool:
    """Whether the target is there, undamaged, and the bundle that the source is."""
    from export.bundle import RECORD, read_bundle  # here, as reading a run needs no formats

    try:
        return (
            read_bundle(target, to_run=False).files
            == json.loads((source / RECORD).read_text(encoding="utf-8"))["files"]
        )
    except RequestError:
        return False


def _samples(artefacts: Sequence[Artefact]) -> pd.DataFrame:
    """Every single time of every row, with the number of the launch that took it."""
    frames = [
        tagged(pd.read_parquet(file), artefact.row).assign(launch=number)
        for artefact in artefacts
        if isinstance(artefact.measurement, Measurement)
        for number, file in enumerate(artefact.measurement.samples)
    ]
    return pd.concat(frames) if frames else pd.DataFrame(columns=["model", "format", "seed", "nanoseconds"])
