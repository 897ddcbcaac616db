"""Times the bundles of a finished run: `pytest tests/perf --benchmark-only --run runs/movie-reviews`."""

from pathlib import Path

import pytest

from bench.run_file import read_run
from export.predictor import Predictor

TEXTS = ["a gripping and often funny film, with a cast that never puts a foot wrong"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    run = metafunc.config.getoption("--run")
    bundles = [] if run is None else [str(Path(run) / row.bundle) for row in read_run(Path(run)).rows if row.bundle]
    names = [
        Path(bundle).parent.name + "-" + Path(bundle).name + "-" + Path(bundle).parent.parent.name for bundle in bundles
    ]
    metafunc.parametrize("bundle", bundles, ids=names)


def test_one_text_end_to_end(benchmark, bundle: str) -> None:
    predictor = Predictor(Path(bundle))
    benchmark.extra_info["size_bytes"] = predictor.bundle.size_bytes
    logits = benchmark(predictor.logits, TEXTS)
    assert logits.shape == (1, len(predictor.bundle.label_names))
