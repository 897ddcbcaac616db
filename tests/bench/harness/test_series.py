import numpy as np
import pandas as pd
import pytest

from bench.harness.series import Series, save_series


def series(milliseconds, **fields):
    times = np.round(np.asarray(milliseconds) * 1e6).astype(np.int64)
    all_fields = {"scenario": "single-stream", "figure": "model", "batch_size": 1, "texts": 1, **fields}
    return Series(nanoseconds=times, **all_fields)


def drifting(rounds, calls=50, seed=0):
    """Rounds of calls around 10 ms that share their round's offset."""
    generator = np.random.default_rng(seed)
    return (
        10 + generator.normal(scale=0.5, size=(rounds, 1)) + generator.normal(scale=0.1, size=(rounds, calls))
    ).ravel()


def width(interval):
    return interval.high - interval.low


@pytest.mark.parametrize(("percent", "needed"), [(90, 100), (99, 1000), (99.9, 10_000)])
def test_percentile_needs_ten_samples_beyond_it(percent, needed):
    assert series(np.ones(needed - 1)).percentile_ms(percent) is None
    assert series(np.ones(needed)).percentile_ms(percent) == 1.0


def test_percentiles_and_median_by_hand():
    latencies = series(np.arange(1, 102))
    assert (latencies.median_ms, latencies.percentile_ms(90)) == (51, 91)


def test_interval_holds_its_median():
    latencies = series(drifting(20), round_calls=50)
    interval = latencies.median_interval_ms()
    assert interval.value == latencies.median_ms
    assert interval.low < interval.value < interval.high


def test_more_rounds_give_a_narrower_interval():
    few, many = (series(drifting(rounds), round_calls=50).median_interval_ms() for rounds in (10, 160))
    assert width(many) < width(few) / 2


def test_rounds_are_drawn_whole_as_the_times_of_a_round_are_not_independent():
    times = drifting(20)
    whole, single = (series(times, round_calls=calls).median_interval_ms() for calls in (50, 1))
    assert width(whole) > 3 * width(single)


def test_interval_of_drifting_rounds_covers_the_truth_about_as_often_as_it_says():
    intervals = [series(drifting(20, calls=10, seed=seed), round_calls=10).median_interval_ms() for seed in range(100)]
    assert 88 <= sum(interval.low <= 10 <= interval.high for interval in intervals) <= 100


def test_fewer_than_five_rounds_have_no_interval():
    assert series([*[1] * 10, *[2] * 10, *[3] * 10, *[4] * 10], round_calls=10).median_interval_ms() is None
    assert series([1, 2, 3, 4]).median_interval_ms() is None
    assert series([1, 2, 3, 4, 5]).median_interval_ms() is not None


def test_same_times_give_the_same_interval():
    assert series(drifting(9)).median_interval_ms() == series(drifting(9)).median_interval_ms()


def test_every_single_time_is_saved_with_its_round(tmp_path):
    first = series([1, 2, 3, 4], round_calls=2)
    second = series([5, 6], scenario="server", figure="end_to_end", rate_per_second=250.0)
    third = series([7], scenario="sweep", batch_size=8, texts=8, length_tokens=16)
    save_series([first, second, third], tmp_path / "samples.parquet")
    frame = pd.read_parquet(tmp_path / "samples.parquet")
    assert list(frame.columns) == [
        *("scenario", "figure", "batch_size", "texts", "length_tokens", "rate_per_second", "round", "nanoseconds"),
    ]
    assert frame.nanoseconds.tolist() == [number * 1_000_000 for number in range(1, 8)]
    assert frame["round"].tolist() == [0, 0, 1, 1, 0, 1, 0]
    assert frame.scenario.tolist() == ["single-stream"] * 4 + ["server"] * 2 + ["sweep"]
    assert frame.length_tokens.dropna().tolist() == [16]
    assert frame.rate_per_second.dropna().tolist() == [250, 250]
    assert (frame.batch_size * frame.texts).tolist() == [1] * 6 + [64]
