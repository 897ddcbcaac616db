"""The timed cases: every file of a run, by scenario and batch size. Plain --benchmark means --benchmark-only."""

import os
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from bench.harness.isolation import child_environment
from bench.record.row import Row
from bench.record.run_file import TEST_ROWS, read_run
from export.bundle import read_bundle
from materials.modalities import MODALITIES, Item
from peers import PEERS

ITEMS = 256


@dataclass(frozen=True)
class Case:
    """One file, and how it is called: `figure` is model or end_to_end, `batch_size` is 1 in single-stream."""

    row: Row
    bundle: Path
    items: tuple[Item, ...]
    figure: str
    batch_size: int
    threads: int

    @property
    def scenario(self) -> str:
        return "single-stream" if self.batch_size == 1 else "offline"

    @property
    def title(self) -> str:
        size = "" if self.batch_size == 1 else f"-b{self.batch_size}"
        model = self.row.model.replace(" ", "-")
        seed = "" if self.row.seed is None else f"-seed-{self.row.seed}"
        return f"{model}-{self.row.format}{seed}-{self.figure.replace('_', '-')}-{self.scenario}{size}"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        place = metafunc.config.getoption("--run")
        cases = [] if place is None else _cases(Path(place), _sizes(metafunc.config.getoption("--batch-sizes")))
        metafunc.parametrize("case", cases, ids=[case.title for case in cases])


def _cases(place, batch_sizes):
    run = read_run(place)
    os.environ |= child_environment(run.threads)  # before a tokenizer or a runtime has read it
    timed = [
        row
        for row in run.rows
        if row.bundle is not None and row.status != "failed" and row.end_to_end_latency_p50_ms is not None
    ]
    if not timed:
        raise pytest.UsageError(f"--run {place} holds no timed file; expected a run whose bundles were timed")
    items = {row.seed: _items(place, row, max(ITEMS, *batch_sizes)) for row in timed}
    return [
        Case(row, place / row.bundle, items[row.seed], figure, size, run.threads)
        for row in timed
        for figure in (("end_to_end",) if row.architecture in PEERS else ("model", "end_to_end"))
        for size in (1, *batch_sizes)
    ]


def _items(place, row, count):
    file = place / TEST_ROWS / f"seed-{row.seed or 0}.parquet"
    kind = MODALITIES[read_bundle(place / row.bundle).modality]
    return tuple(kind.from_columns(pd.read_parquet(file).sample(count, random_state=0, replace=True)))


def _sizes(option):
    try:
        sizes = tuple(int(size) for size in option.split(","))
    except ValueError:
        sizes = ()
    if not sizes or min(sizes) < 1:
        raise pytest.UsageError(f"--batch-sizes {option}: expected numbers such as 8,32")
    return tuple(size for size in sizes if size > 1)
