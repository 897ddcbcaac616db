import numpy as np
import pytest

from bench.harness.figures import figures_of
from bench.harness.scenarios import CUDA_EVENTS, END_TO_END, MODEL, Scenarios
from bench.harness.series import Series


def series(scenario, figure, milliseconds, **fields):
    times = np.round(np.asarray(milliseconds) * 1e6).astype(np.int64)
    return Series(scenario=scenario, figure=figure, nanoseconds=times, **{"batch_size": 1, "texts": 1, **fields})


def test_a_scenario_that_was_not_run_has_no_figure():
    assert figures_of(Scenarios()) == {}


def test_latency_figures_are_those_of_their_own_series():
    figures = figures_of(
        Scenarios(
            series=[
                series("single-stream", MODEL, np.arange(1, 102)),
                series("single-stream", END_TO_END, np.full(1000, 7.0)),
                series("single-stream", CUDA_EVENTS, [0.5, 0.6, 0.7]),
            ]
        )
    )
    assert (figures["latency_p50_ms"], figures["latency_p90_ms"], figures["latency_p99_ms"]) == (51, 91, None)
    assert figures["latency_p50_low_ms"] < 51 < figures["latency_p50_high_ms"]
    assert (figures["end_to_end_latency_p50_ms"], figures["end_to_end_latency_p99_ms"]) == (7, 7)
    assert figures["end_to_end_latency_p999_ms"] is None
    assert figures["cuda_events_p50_ms"] == pytest.approx(0.6)


def test_rate_is_that_of_the_batch_size_whose_median_pass_is_fastest():
    figures = figures_of(
        Scenarios(
            series=[
                series("offline", MODEL, [40, 10, 40, 40, 40], batch_size=8, texts=200),
                series("offline", MODEL, [20, 20, 20, 20, 25], batch_size=32, texts=200),
                series("offline", MODEL, [30] * 5, batch_size=128, texts=200),
            ]
        )
    )
    assert figures["batch_size"] == 32
    assert figures["texts_per_second"] == pytest.approx(200 / 0.020)
    assert (
        200 / 0.025 <= figures["texts_per_second_low"] <= 200 / 0.020 == pytest.approx(figures["texts_per_second_high"])
    )
    assert "end_to_end_texts_per_second" not in figures


def test_server_figures_are_those_of_the_highest_rate_that_was_kept():
    trials = [
        series("server", END_TO_END, np.full(1000, latency), rate_per_second=rate)
        for rate, latency in ((500.0, 3.0), (750.0, 90.0), (625.0, 8.0))
    ]
    figures = figures_of(Scenarios(series=trials, highest_rate=625.0, server_bound_ms=20.0))
    assert figures == {"server_texts_per_second": 625.0, "server_p99_ms": 8.0, "server_bound_ms": 20.0}


def test_a_model_that_keeps_no_rate_has_only_the_bound():
    trials = [series("server", END_TO_END, np.full(11, 90.0), rate_per_second=500.0)]
    assert figures_of(Scenarios(series=trials, server_bound_ms=20.0)) == {"server_bound_ms": 20.0}


def test_sweep_has_a_line_for_each_shape():
    sweep = [
        series("sweep", MODEL, [size * length / 100] * 4, batch_size=size, texts=size, length_tokens=length)
        for length in (16, 32)
        for size in (1, 8)
    ]
    assert figures_of(Scenarios(series=sweep))["sweep"] == [
        {"batch_size": 1, "length_tokens": 16, "latency_p50_ms": pytest.approx(0.16)},
        {"batch_size": 8, "length_tokens": 16, "latency_p50_ms": pytest.approx(1.28)},
        {"batch_size": 1, "length_tokens": 32, "latency_p50_ms": pytest.approx(0.32)},
        {"batch_size": 8, "length_tokens": 32, "latency_p50_ms": pytest.approx(2.56)},
    ]
