"""The timed cases: every file of a run, by scenario and batch size. Plain --benchmark means --benchmark-only."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from bench.row import Row
from bench.run_file import TEST_ROWS, read_run
from peers import PEERS


@dataclass(frozen=True)
class Case:
    """One file, and how it is called: `figure` is model or end_to_end, `batch_size` is 1 in single-stream."""

    row: Row
    bundle: Path
    texts: tuple[str, ...]
    figure: str
    batch_size: int
    threads: int

    @property
    def title(self) -> str:
        scenario = "single-stream" if self.batch_size == 1 else f"offline-b{self.batch_size}"
        model = self.row.model.replace(" ", "-")
        return f"{model}-{self.row.format}-seed-{self.row.seed}-{self.figure.replace('_', '-')}-{scenario}"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        place = metafunc.config.getoption("--run")
        cases = [] if place is None else list(_cases(Path(place), metafunc.config.getoption("--batch-sizes")))
        metafunc.parametrize("case", cases, ids=[case.title for case in cases])


def _cases(place, batch_sizes):
    run = read_run(place)
    texts = {}
    for row in run.rows:
        if row.bundle is None or row.status == "failed" or row.end_to_end_latency_p50_ms is None:
            continue
        if row.seed not in texts:
            file = place / TEST_ROWS / f"seed-{row.seed or 0}.parquet"
            texts[row.seed] = tuple(pd.read_parquet(file)["text"].sample(256, random_state=0, replace=True))
        for figure in ("end_to_end",) if row.architecture in PEERS else ("model", "end_to_end"):
            for size in (1, *(int(size) for size in batch_sizes.split(","))):
                yield Case(row, place / row.bundle, texts[row.seed], figure, size, run.threads)
