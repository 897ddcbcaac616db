"""What changed between two runs, or between two models timed in turns: quality on the same rows, and time."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.commands.measure import OpenedModel, as_rows, check_labels, in_label_order
from bench.harness.isolation import MeasurementFailed, measure_in_fresh_process
from bench.harness.workload import Workload
from bench.record.row import Row
from bench.record.run_file import TEST_ROWS, Run, read_run
from bench.scores.significance import QualityChange, TimeChange, compare_quality, compare_times
from bench.steps.measure import Measurement, read_measurement
from bench.steps.rows import describe_row, quality_figures
from bench.steps.screen import Screen
from export.foreign import open_model
from materials.errors import RequestError
from materials.rows import Table

TIMED = {"latency_p50_ms": "model", "end_to_end_latency_p50_ms": "end_to_end"}
LAUNCH_SECONDS = 0.3
RECORDED_RATIO = 0.10
KEYS = ["model", "format", "seed"]


@dataclass(frozen=True, kw_only=True)
class Change:
    """One file in base and new: both rows, the change of quality, and of the times by their names in a row."""

    base: Row
    new: Row
    quality: QualityChange | None
    times: dict[str, TimeChange]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """All changes, the rows of base that new lacks, and what makes them less than comparable."""

    changes: list[Change]
    warnings: list[str]
    lost: tuple[Row, ...] = ()


def compare_runs(base_folder: Path, new_folder: Path) -> Comparison:
    """Compare the rows that two runs share, by model, format and seed, from what the runs recorded.

    Times taken on two occasions differ by more than chance within one process, so a change of time counts only
    beyond 10 %. Raises RequestError when the runs share no row.
    """
    base, new = read_run(base_folder), read_run(new_folder)
    pairs = [(old, row) for old in base.rows for row in new.rows if _key(old) == _key(row)]
    if not pairs:
        raise RequestError(f"{base_folder} and {new_folder} have no row in common (model, format and seed)")
    predictions = [_read_parquet(folder, "predictions.parquet") for folder in (base_folder, new_folder)]
    samples = [_read_parquet(folder, "samples.parquet") for folder in (base_folder, new_folder)]
    changes = [
        Change(
            base=old,
            new=row,
            quality=_recorded_quality(old, row, predictions)
            if _test_rows_match(base_folder, new_folder, row)
            else None,
            times=_recorded_times(row, samples),
        )
        for old, row in pairs
    ]
    kept = {_key(row) for row in new.rows}
    return Comparison(
        changes=changes,
        warnings=[*_differences(base, new, len(pairs)), *_not_compared(changes)],
        lost=tuple(row for row in base.rows if _key(row) not in kept),
    )


def compare_models(
    places: tuple[Path, Path], table: Table, workload: Workload, *, launches: int, screen: Screen
) -> Comparison:
    """Time two models in turns, A B A B, each launch a fresh process, and compare their quality on the same rows.

    The unit of the test is a launch's median: processes differ in their memory layout, calls within one do not.
    Raises RequestError when a model cannot be opened or measured.
    """
    bundles = [
        open_model(place, label_names=workload.label_names, max_length_tokens=workload.max_length_tokens)
        for place in places
    ]
    for place, bundle in zip(places, bundles, strict=True):
        check_labels(bundle, table, bundles[0].label_names, str(place))
    subjects = [
        OpenedModel(title=str(bundle.made.get("model", place.name)), place=place, bundle=bundle)
        for place, bundle in zip(places, bundles, strict=True)
    ]
    names = bundles[0].label_names
    launched = [
        [in_label_order(one, bundle, names) for one in all_of]
        for all_of, bundle in zip(
            launch_in_turns(subjects, table.items, workload, launches=launches, screen=screen), bundles, strict=True
        )
    ]
    rows = as_rows(table, names)
    both = list(zip(subjects, launched, strict=True))
    base, new = (_launched_row(subject, all_of, rows.targets, workload) for subject, all_of in both)
    times = {
        name: compare_times(*([one.figures[name] for one in all_of] for all_of in launched))
        for name in TIMED
        if all(name in one.figures for all_of in launched for one in all_of)
    }
    quality = None
    if table.labels is not None:
        predicted = [all_of[0].logits.argmax(axis=1) for all_of in launched]
        quality = compare_quality(rows.targets, predicted[0], predicted[1], len(names))
    noisy = sorted({one.figures["noise"] for all_of in launched for one in all_of if one.figures["noise"]})
    return Comparison(
        changes=[Change(base=base, new=new, quality=quality, times=times)], warnings=[f"noise: {one}" for one in noisy]
    )


def launch_in_turns(
    subjects: Sequence[OpenedModel],
    texts: Sequence[str],
    workload: Workload,
    *,
    launches: int,
    screen: Screen,
    title: str = "launches",
) -> list[list[Measurement]]:
    """The measurements of each subject's launches, A B A B."""
    found: list[list[Measurement]] = [[], []]
    with screen.step(f"{title}: {launches} of each, in turns") as report, tempfile.TemporaryDirectory() as work:
        for number in range(2 * launches):
            which = number % 2
            folder = Path(work) / str(number)
            folder.mkdir()
            one = replace(
                workload,
                model=str(subjects[which].place.resolve()),
                scenarios=("single-stream",),
                seconds=min(workload.seconds, LAUNCH_SECONDS),
            )
            try:
                measure_in_fresh_process(one, texts, folder)
            except MeasurementFailed as failure:
                raise RequestError(f"{subjects[which].place} could not be measured: {failure}") from None
            found[which].append(read_measurement(folder))
            report(number + 1, 2 * launches)
    return found


def _launched_row(subject: OpenedModel, launches: Sequence[Measurement], labels: np.ndarray, workload: Workload) -> Row:
    """The row of the first launch, its times the medians over all launches."""
    first = launches[0]
    row = describe_row(
        subject.bundle, first, model=subject.title, role="foreign", threads=workload.threads, device=workload.device
    )
    medians: dict[str, Any] = {
        name: float(np.median([one.figures[name] for one in launches])) for name in TIMED if name in first.figures
    }
    own = {} if (labels < 0).any() else quality_figures(labels, first.logits)
    return replace(row, **medians, **own)


def _recorded_quality(old: Row, row: Row, predictions: Sequence[pd.DataFrame]) -> QualityChange | None:
    chosen = [_of_row(frame, row) for frame in predictions]
    if any(frame.empty for frame in chosen) or old.macro_f1 is None or row.macro_f1 is None:
        return None
    labels = [frame["label"].to_numpy() for frame in chosen]
    if not np.array_equal(labels[0], labels[1]):
        return None  # in another order: nothing is paired
    logits = [frame.filter(like="logit_").dropna(axis=1).to_numpy() for frame in chosen]
    predicted = [one.argmax(axis=1) for one in logits]
    return compare_quality(labels[0], predicted[0], predicted[1], logits[0].shape[1])


def _recorded_times(row: Row, samples: Sequence[pd.DataFrame]) -> dict[str, TimeChange]:
    """The changes of p50, tested on the medians of rounds; none where a run was not timed."""
    if any(frame.empty for frame in samples):
        return {}
    changes = {}
    for name, figure in TIMED.items():
        medians = []
        for frame in samples:
            own = _of_row(frame, row)
            own = own[(own["scenario"] == "single-stream") & (own["figure"] == figure)]
            medians.append((own.groupby("round")["nanoseconds"].median() / 1e6).tolist())
        if min(map(len, medians)) >= 5:
            changes[name] = replace(compare_times(*medians), smallest=RECORDED_RATIO)
    return changes


def _of_row(frame: pd.DataFrame, row: Row) -> pd.DataFrame:
    if frame.empty:
        return frame
    seed = frame["seed"].isna() if row.seed is None else frame["seed"] == row.seed
    return frame[(frame["model"] == row.model) & (frame["format"] == row.format) & seed]


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
    """Sentences on files that failed in new only, and on those whose quality cannot be paired."""
    broke = [one.new for one in changes if one.new.status == "failed" and one.base.status != "failed"]
    warnings = [f"{row.model} as {row.format} failed in new only: {row.error}" for row in broke]
    scored = [one for one in changes if one.base.macro_f1 is not None and one.new.macro_f1 is not None]
    if unpaired := sum(one.quality is None for one in scored):
        warnings.append(f"the quality of {unpaired} files is not compared: the runs have other test rows")
    return warnings


def _test_rows_match(base: Path, new: Path, row: Row) -> bool:
    """Whether two runs measured a row on the same texts, as far as they kept them."""
    frames = [_read_parquet(place, f"{TEST_ROWS}/seed-{row.seed or 0}.parquet") for place in (base, new)]
    return any(frame.empty for frame in frames) or frames[0]["text"].equals(frames[1]["text"])


def _read_parquet(place: Path, name: str) -> pd.DataFrame:
    file = (place if place.is_dir() else place.parent) / name
    return pd.read_parquet(file) if file.is_file() else pd.DataFrame()


def _key(row: Row) -> tuple[str, str, int | None]:
    return row.model, row.format, row.seed
