"""What changed between two runs, from what the runs recorded: quality on the same rows, and time."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
from pyarrow.compute import field
from pyarrow.parquet import ParquetFile, read_schema

from bench.record.parquet import read_beside, refusing_damage
from bench.record.place import run_folder
from bench.record.predictions import NO_SEED, PredictionsTable, file_key
from bench.record.row import Row
from bench.record.run_file import TEST_ROWS, Run, read_run
from bench.scores.significance import QualityChange, TimeChange, compare_quality, compare_times
from materials.errors import RequestError
from materials.tasks import task_of

TIMED = {"latency_p50_ms": "model", "end_to_end_latency_p50_ms": "end_to_end"}
RATES = ("texts_per_second", "end_to_end_texts_per_second")
RECORDED_RATIO = 0.10
FEWEST_UNITS = 5
KEYS = ["model", "format", "seed"]
SAMPLES = "samples.parquet"
WORDS = ("scenario", "model", "format", "figure")  # columns of samples.parquet
Medians = dict[tuple[str, str, int, str], list[list[float]]]


@dataclass(frozen=True, kw_only=True)
class Change:
    """One file in base and new: both rows, the change of quality, and of the times by their names in a row.

    `same_rows` is false where they are known to have been measured on other test rows.
    """

    base: Row
    new: Row
    quality: QualityChange | None
    times: dict[str, TimeChange]
    same_rows: bool = True

    @property
    def failed_in_new(self) -> bool:
        """Whether the file was sound in base and failed in new."""
        return self.new.status == "failed" and self.base.status != "failed"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """All changes, the rows of base that new lacks, and what makes them less than comparable."""

    changes: list[Change]
    warnings: list[str]
    lost: tuple[Row, ...] = ()


def compare_runs(base_folder: Path, new_folder: Path) -> Comparison:
    """Compare the rows that two runs share, by model, format and seed, from what the runs recorded.

    A file that failed in either run has no change of quality or time. Times taken on two occasions differ by more than
    chance within one process, so a change of time counts only beyond 10 %. Raises RequestError when the runs are of
    different tasks or items, or share no row.
    """
    base, new = read_run(base_folder), read_run(new_folder)
    for kind, base_kind, new_kind in (("task", base.task.name, new.task.name), ("items", base.unit, new.unit)):
        if base_kind != new_kind:
            raise RequestError(
                f"{base_folder} and {new_folder} cannot be compared: the {kind} of the first: {base_kind}, of the "
                f"second: {new_kind}"
            )
    pairs = [(old, row) for old in base.rows for row in new.rows if _key(old) == _key(row)]
    if not pairs:
        raise RequestError(f"{base_folder} and {new_folder} have no row in common (model, format and seed)")
    predictions = [PredictionsTable.of_run(folder) for folder in (base_folder, new_folder)]
    medians = [_medians_of_rounds(folder) for folder in (base_folder, new_folder)]
    same_rows = {seed: _test_rows_match(base_folder, new_folder, seed) for seed in {row.seed for row in new.rows}}
    changes = []
    for old, row in pairs:
        sound = "failed" not in (old.status, row.status)
        changes.append(
            Change(
                base=old,
                new=row,
                quality=_recorded_quality(old, row, predictions) if sound and same_rows[row.seed] else None,
                times=_recorded_times(row, medians) if sound else {},
                same_rows=same_rows[row.seed],
            )
        )
    keys_of_new = {_key(row) for row in new.rows}
    return Comparison(
        changes=changes,
        warnings=[*_differences(base, new, len(pairs)), *_not_compared(changes)],
        lost=tuple(row for row in base.rows if _key(row) not in keys_of_new),
    )


def _recorded_quality(old: Row, row: Row, tables: Sequence[PredictionsTable]) -> QualityChange | None:
    """The change on the same rows; none where either run keeps no predictions of them, or in another order."""
    if old.task != row.task or old.label_names != row.label_names or old.headline is None or row.headline is None:
        return None
    before, after = tables[0].of(old), tables[1].of(row)
    if before is None or after is None or not np.array_equal(before.targets, after.targets):
        return None
    if before.outputs.shape != after.outputs.shape:
        return None
    return compare_quality(task_of(row.task), before.targets, before.outputs, after.outputs)


def _recorded_times(row: Row, medians: Sequence[Medians]) -> dict[str, TimeChange]:
    """The changes of p50, tested on medians; none where a run was not timed."""
    changes = {}
    for name, figure in TIMED.items():
        launches = [by_file.get((*file_key(row), figure), []) for by_file in medians]
        if time_change := recorded_change(*launches):
            changes[name] = time_change
    return changes


def recorded_change(base: Sequence[Sequence[float]], new: Sequence[Sequence[float]]) -> TimeChange | None:
    """What changed from one occasion to another; each has launches, and these the medians of their rounds.

    Launches are the units of the test where both sides have five or more, for they are independent; else the rounds of
    all launches are. None where these are fewer than five too.
    """
    sides = [[float(np.median(rounds)) for rounds in launches] for launches in (base, new)]
    if min(map(len, sides)) < FEWEST_UNITS:
        sides = [[median for rounds in launches for median in rounds] for launches in (base, new)]
    if min(map(len, sides)) < FEWEST_UNITS:
        return None
    return replace(compare_times(*sides), smallest=RECORDED_RATIO)


def _medians_of_rounds(place: Path) -> Medians:
    """Milliseconds of single calls by file and figure: of each launch, one for each round."""
    file = run_folder(place) / SAMPLES
    if not file.is_file():
        return {}
    with refusing_damage(file):
        columns = read_schema(file).names
        if not set(WORDS) <= set(columns):  # of a run that timed nothing
            return {}
        # Words as categories: a table of a million lines is read and grouped in a fifth of the time.
        parquet = ParquetFile(file, read_dictionary=list(WORDS))
        launch = ["launch"] if "launch" in columns else []  # older runs have one launch a file, and do not number it
        samples = parquet.read(columns=[*WORDS, "seed", "round", "nanoseconds", *launch])
        lines = samples.filter(field("scenario") == "single-stream").to_pandas()
    lines = lines.assign(seed=lines["seed"].fillna(NO_SEED).astype(int), **({} if launch else {"launch": 0}))
    by_round = lines.groupby([*KEYS, "figure", "launch", "round"], sort=False, observed=True)["nanoseconds"]
    medians = by_round.median() / 1e6
    by_launch: Medians = {}
    for key, values in medians.groupby(level=[*KEYS, "figure", "launch"], sort=False, observed=True):
        model, format, seed, figure, _ = cast("tuple[str, str, int, str, int]", key)
        by_launch.setdefault((model, format, seed, figure), []).append(values.tolist())
    return by_launch


def _differences(base: Run, new: Run, shared: int) -> list[str]:
    """Sentences on what else differs between two runs."""
    warnings = []
    for name in sorted(set(base.machine) | set(new.machine)):
        if base.machine.get(name) != new.machine.get(name):
            warnings.append(f"the machines differ in {name}: {base.machine.get(name)}, {new.machine.get(name)}")
    for name in sorted(set(base.versions) | set(new.versions)):
        if base.versions.get(name) != new.versions.get(name):
            warnings.append(f"the versions of {name} differ: {base.versions.get(name)}, {new.versions.get(name)}")
    if base.threads != new.threads:
        warnings.append(f"the threads differ: {base.threads}, {new.threads}")
    alone = len(base.rows) + len(new.rows) - 2 * shared
    if alone:
        warnings.append(f"{alone} rows are in one of the runs only")
    if any(row.status == "noisy" for row in (*base.rows, *new.rows)):
        warnings.append("some rows were not measured in quiet (~)")
    return warnings


def _not_compared(changes: Sequence[Change]) -> list[str]:
    """Sentences on files that failed, and on those whose quality cannot be paired."""
    warnings = [
        f"{change.new.model} as {change.new.format} failed in new only: {change.new.error}"
        for change in changes
        if change.failed_in_new
    ]
    if failed := sum(change.base.status == "failed" for change in changes):
        warnings.append(f"{failed} files failed in base, and are not compared")
    sound = [change for change in changes if "failed" not in (change.base.status, change.new.status)]
    scored = [change for change in sound if change.base.headline is not None and change.new.headline is not None]
    if unpaired := sum(change.quality is None for change in scored):
        warnings.append(
            f"the quality of {unpaired} files is not compared: the runs have other test rows, no predictions, or some "
            "that are no numbers"
        )
    return warnings


def _test_rows_match(base: Path, new: Path, seed: int | None) -> bool:
    """Whether two runs measured the files of a seed on the same items, as far as they kept them."""
    frames = [read_beside(place, f"{TEST_ROWS}/seed-{seed or 0}.parquet") for place in (base, new)]
    if any(frame.empty for frame in frames):
        return True
    items = [frame.drop(columns="label", errors="ignore") for frame in frames]
    return items[0].equals(items[1])


def _key(row: Row) -> tuple[str, str, int | None]:
    return row.model, row.format, row.seed
