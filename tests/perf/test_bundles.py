"""Times the files of a finished run: `pytest tests/perf --benchmark-only --run runs/movie-reviews`."""

from itertools import cycle

import pytest

from bench.harness.subject import load_subject
from bench.harness.workload import Workload
from export.foreign import open_model

loaded = {}


@pytest.fixture
def subject(case):
    """The file, loaded; kept until a case asks for another one."""
    if case.bundle not in loaded:
        loaded.clear()
        workload = Workload(model=str(case.bundle), threads=case.threads)
        loaded[case.bundle] = load_subject(workload, open_model(case.bundle))
    return loaded[case.bundle]


def test_file(benchmark, case, subject):
    size = case.batch_size
    batches = [case.items[start : start + size] for start in range(0, len(case.items) - size + 1, size)]
    if case.figure == "model":
        graph = subject.graph
        inputs = cycle([graph.runtime.prepare(graph.encoder.pad(graph.encoder.encode(batch))) for batch in batches])
        call = graph.forward
    else:
        inputs = cycle(batches)

        def call(batch):
            return subject.label(batch, size)

    for _ in range(3 * len(batches)):  # TorchScript specialises a shape on its second run
        call(next(inputs))
    row = case.row
    benchmark.extra_info |= {
        "model": row.model,
        "format": row.format,
        "seed": row.seed,
        "scenario": case.scenario,
        "figure": case.figure,
        "batch_size": size,
        "threads": subject.settings.intra_op_threads,
        "size_bytes": row.size_bytes,
        row.headline_metric.name: row.headline and row.headline.value,
    }
    answer = benchmark(lambda: call(next(inputs)))
    if benchmark.stats is not None:
        benchmark.extra_info["texts_per_second"] = size / benchmark.stats.stats.median
    assert len(answer) > 0
