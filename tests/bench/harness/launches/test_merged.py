"""Several launches of a file: medians and intervals by hand, turns, and when the file counts as noisy."""

from pathlib import Path

import numpy as np
import pytest

from bench.harness.isolation import MeasurementFailed
from bench.harness.launches.merged import merge_launches
from bench.harness.launches.speed import BestSpeed
from bench.harness.launches.turns import launch_files
from bench.harness.measurement import Measurement


@pytest.fixture
def best(tmp_path):
    best = BestSpeed(tmp_path, {"processor": "A", "instruction_sets": [], "cores": 2})
    best.remember({"probes": [probe(10.0)]})
    return best


def probe(product_ms):
    return {"moment": "after", "product_ms": product_ms, "copy_ms": 1.0}


def launch(p50, *, rate=100.0, size=8, probe_ms=10.0, noise=None, **figures):
    times = {"latency_p50_ms": p50, "latency_p50_low_ms": p50 - 0.1, "latency_p50_high_ms": p50 + 0.1}
    rates = {"texts_per_second": rate, "texts_per_second_low": rate - 1, "texts_per_second_high": rate + 1}
    rest = {"batch_size": size, "noise": noise, "probes": [probe(probe_ms)], "tries": 1, "provider": "cpu"}
    return Measurement(
        figures={**times, **rates, **rest, **figures},
        logits=np.full((1, 2), p50),
        samples=(Path(f"{p50}.parquet"),),
    )


def test_figures_of_three_launches_are_medians_between_lowest_and_highest(best):
    merged = merge_launches(
        [
            launch(2.0, rate=90.0, size=8, latency_p90_ms=3.0, inference_peak_memory_bytes=7),
            launch(9.0, rate=60.0, size=32, latency_p90_ms=12.0, inference_peak_memory_bytes=9),
            launch(1.0, rate=100.0, size=128, latency_p90_ms=2.0, inference_peak_memory_bytes=5),
        ],
        best,
    )
    figures = merged.figures
    assert [figures[f"latency_p50{end}_ms"] for end in ("", "_low", "_high")] == [2.0, 1.0, 9.0]
    assert [figures[f"texts_per_second{end}"] for end in ("", "_low", "_high")] == [90.0, 60.0, 100.0]
    assert (figures["batch_size"], figures["latency_p90_ms"]) == (8, 3.0)
    assert figures["inference_peak_memory_bytes"] == 7
    assert [each["latency_p50_ms"] for each in figures["launches"]] == [2.0, 9.0, 1.0]
    assert [path.name for path in merged.samples] == ["2.0.parquet", "9.0.parquet", "1.0.parquet"]
    assert merged.logits.tolist() == [[2.0, 2.0]]


def test_single_launch_keeps_its_own_interval_and_its_probes(best):
    figures = merge_launches([launch(2.0)], best).figures
    assert (figures["latency_p50_ms"], figures["latency_p50_low_ms"], figures["latency_p50_high_ms"]) == (2.0, 1.9, 2.1)
    assert (figures["noise"], figures["slowdown"]) == (None, 1.0)
    assert figures["launches"][0]["probes"] == [probe(10.0)]


def test_percentile_that_one_launch_lacks_is_none(best):
    merged = merge_launches([launch(1.0, latency_p99_ms=None), launch(1.0, latency_p99_ms=4.0)], best)
    assert merged.figures["latency_p99_ms"] is None


def test_fixed_shapes_are_medians_each_and_stay_refused(best):
    def shapes(*times):
        return [
            {"batch_size": 1, "length_tokens": length, "latency_p50_ms": ms}
            for length, ms in zip((8, 512), times, strict=True)
        ]

    merged = merge_launches([launch(1.0, sweep=shapes(ms, None)) for ms in (1.0, 5.0, 2.0)], best)
    assert merged.figures["sweep"] == shapes(2.0, None)


@pytest.mark.parametrize(("slow", "is_noisy"), [(0, False), (1, False), (2, True), (3, True)])
def test_file_is_noisy_when_half_of_its_launches_were(best, slow, is_noisy):
    launches = [launch(1.0, probe_ms=16.0 if number < slow else 10.0) for number in range(4)]
    figures = merge_launches(launches, best).figures
    assert bool(figures["noise"]) == is_noisy
    if is_noisy:
        assert figures["noise"].startswith(f"{slow} of 4 launches: the processor took 1.60 times")
    assert sum(bool(each["noise"]) for each in figures["launches"]) == slow


def test_outputs_that_were_not_timed_stay_as_they_are(best):
    untimed = Measurement(figures={"load_ms": 1.0}, logits=np.zeros((1, 2)))
    assert merge_launches([untimed], best) is untimed


def test_files_are_launched_in_turns_and_judged_by_the_best_of_all(best):
    turns = []

    def run(position, number):
        turns.append((position, number))
        return launch(1.0, probe_ms=[10.0, 9.8, 8.0][position])

    measurements = launch_files([2, 1, 2], run, best, on_failure=lambda position, reason: None)
    assert turns == [(0, 0), (1, 0), (2, 0), (0, 1), (2, 1)]
    # The third file showed what the machine can do, so the first two were slow all along.
    assert [bool(measurement.figures["noise"]) for measurement in measurements] == [True, True, False]


def test_file_that_fails_is_told_and_not_launched_again(best):
    turns, told = [], []

    def run(position, number):
        turns.append((position, number))
        if position == 0 and number == 1:
            raise MeasurementFailed("it crashed")
        return launch(1.0)

    measurements = launch_files([3, 3], run, best, on_failure=lambda position, reason: told.append((position, reason)))
    assert measurements[0] == "it crashed"
    assert len(measurements[1].figures["launches"]) == 3
    assert turns == [(0, 0), (1, 0), (0, 1), (1, 1), (1, 2)]
    assert told == [(0, "it crashed")]
