import subprocess
import sys
from itertools import accumulate, chain

import numpy as np
import pytest

from bench.harness.probe import COPY, PRODUCT, REPEATS, SCENARIO, Probes, take_reading

PRODUCT_NS, COPY_NS = [30, 20, 90, 25, 21, 22, 23], [7, 7, 7, 7, 9, 8, 7]


def test_reading_holds_the_clocks_times_and_its_figures_are_their_medians():
    ticks = list(accumulate(chain.from_iterable((1000, time) for time in [*PRODUCT_NS, *COPY_NS])))
    clock = iter(ticks)
    reading = take_reading("server", clock=lambda: next(clock))
    assert next(clock, None) is None
    assert reading.product.tolist() == PRODUCT_NS
    assert reading.copy.tolist() == COPY_NS
    assert reading.as_figures() == {
        "moment": "server",
        "product_ms": pytest.approx(23e-6),
        "copy_ms": pytest.approx(7e-6),
    }


def test_raw_times_are_series_with_a_round_for_each_reading():
    probes = Probes()
    assert probes.series() == []
    for moment in ("single-stream model", "after"):
        probes.take(moment)
    assert [reading.moment for reading in probes.readings] == ["single-stream model", "after"]
    for series, kind in zip(probes.series(), (PRODUCT, COPY), strict=True):
        assert (series.scenario, series.figure, series.round_calls) == (SCENARIO, kind, REPEATS)
        times = np.concatenate([getattr(reading, kind) for reading in probes.readings])
        assert np.array_equal(series.nanoseconds, times)
        assert (times > 0).all()


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory can be reset on Linux")
def test_memory_of_the_probe_is_not_in_the_peak():
    program = (
        "from bench.harness.probe import Probes, take_reading; from export.memory import peak_bytes, reset_peak\n"
        "take_reading('first'); reset_peak(); probes = Probes(); before = probes.peak_bytes()\n"
        "probes.take('x'); print(probes.peak_bytes() - before)\n"
        "take_reading('y'); print(peak_bytes() - before)"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    kept_out, counted = map(int, answer.stdout.split())
    assert kept_out < 2**20
    assert counted > 12 * 2**20


def test_probe_computes_on_one_thread_however_many_there_are():
    program = (
        "import time; from bench.harness.probe import take_reading\n"
        "take_reading('first'); start = time.process_time(), time.thread_time(); take_reading('second')\n"
        "print((time.process_time() - start[0]) / (time.thread_time() - start[1]))"
    )
    environment = {"OMP_NUM_THREADS": "4", "OPENBLAS_NUM_THREADS": "4", "PYTHONPATH": ":".join(sys.path)}
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment
    )
    assert float(answer.stdout) == pytest.approx(1, abs=0.05)
