"""Times the files of a finished run: `pytest tests/perf --benchmark-only --run runs/movie-reviews`."""

from itertools import cycle

import pytest

from bench.harness.subject import load_subject
from bench.harness.task import Task
from export.bundle import read_bundle

loaded = {}


@pytest.fixture
def subject(case):
    """The file, loaded; kept until a case asks for another one."""
    if case.bundle not in loaded:
        loaded.clear()
        loaded[case.bundle] = load_subject(Task(model=str(case.bundle), threads=case.threads), read_bundle(case.bundle))
    return loaded[case.bundle]


def test_file(benchmark, case, subject):
    batches = [case.texts[start : start + case.batch_size] for start in range(0, 256, case.batch_size)]
    if case.figure == "model":
        graph = subject.graph
        inputs = cycle([graph.runtime.prepare(graph.encoder.pad(graph.encoder.encode(batch))) for batch in batches])
        call = graph.forward
    else:
        inputs = cycle(batches)

        def call(batch):
            return subject.label(batch, case.batch_size)

    for _ in batches:
        call(next(inputs))
    row = case.row
    benchmark.extra_info |= {
        "model": row.model,
        "format": row.format,
        "seed": row.seed,
        "figure": case.figure,
        "batch_size": case.batch_size,
        "threads": subject.settings.intra_op_threads,
        "size_bytes": row.size_bytes,
        "macro_f1": row.macro_f1,
    }
    answer = benchmark(lambda: call(next(inputs)))
    if benchmark.stats is not None:
        benchmark.extra_info["texts_per_second"] = case.batch_size / benchmark.stats.stats.median
    assert len(answer) > 0
