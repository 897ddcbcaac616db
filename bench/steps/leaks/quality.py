"""The quality of files on the test rows that have no near-duplicate among the rows that are learned from."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from bench.record.leaks import LeakRecord
from bench.record.row import Row
from bench.steps.leaks.find import Leaks, find_leaks
from bench.steps.outcome.rows import Runs, outputs_of
from bench.steps.workplace import Workplace


def leaks_of_run(work: Workplace, runs: Runs) -> dict[Path, Leaks]:
    """The near-duplicates of the test rows of each of a run's splits."""
    seeds = {model.splits: model.seed for model in runs.models}
    return {path: find_leaks(work, splits, seeds[path]) for path, splits in runs.splits.items()}


def leak_records(runs: Runs, leaks: Mapping[Path, Leaks]) -> list[LeakRecord]:
    """What the run file says of each seed that has near-duplicates, or had and lost them."""
    seeds = {model.splits: model.seed for model in runs.models}
    records = {seeds[path]: leaks[path].record(splits, seeds[path]) for path, splits in runs.splits.items()}
    return [record for _, record in sorted(records.items()) if record.sentences]


def without_leaks(runs: Runs, rows: Sequence[Row], leaks: Mapping[Path, Leaks]) -> list[Row]:
    """The rows with their quality on test rows without a near-duplicate, where some have one, and not all.

    Rows are in the order of the files.
    """
    done = []
    for number, row in enumerate(rows):
        file = runs.measured[number] if number < len(runs.measured) else None
        if file is None or row.headline is None or not (near_rows := leaks[file.model.splits].test_rows):
            done.append(row)
            continue
        splits = runs.splits[file.model.splits]
        clean_rows = np.setdiff1d(np.arange(len(splits.test)), near_rows)
        targets, outputs = splits.test.targets[clean_rows], outputs_of(file)[clean_rows]
        scores = {metric.name: metric(targets, outputs) for metric in splits.task.metrics} if len(clean_rows) else None
        done.append(replace(row, without_near_duplicates=scores))
    return done
