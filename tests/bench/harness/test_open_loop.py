import math

import numpy as np
import pytest
from sample_clock import Clock, constant
from scipy.stats import expon, kstest

from bench.harness import open_loop, timing
from bench.harness.open_loop import find_highest_rate, run_trial
from bench.harness.series import Series
from bench.harness.timing import time_rounds

SERVICE_MS = 1.0
NEVER_MS = 1e9


@pytest.fixture
def clock(monkeypatch):
    clock = Clock(tick=5_000)
    monkeypatch.setattr(open_loop, "time", clock)
    monkeypatch.setattr(timing, "time", clock)
    return clock


def p99_ms(latencies):
    return float(np.percentile(latencies, 99)) / 1e6


def stalling(clock):
    """A call of 1 ms that takes 500 ms once in 1,000 calls."""
    calls = []

    def call(number):
        calls.append(number)
        clock.work(500 if len(calls) % 1000 == 500 else SERVICE_MS)

    return call


def share_kept_by_md1(bound_ms):
    """The largest load of an M/D/1 queue whose p99 of waiting and service is under the bound (Erlang 1909)."""
    wait = bound_ms / SERVICE_MS - 1

    def waits_no_longer(load):
        terms = (
            (-load * (wait - k)) ** k / math.factorial(k) * math.exp(load * (wait - k)) for k in range(int(wait) + 1)
        )
        return (1 - load) * sum(terms)

    return max(load for load in np.arange(0.01, 1, 0.005) if waits_no_longer(load) >= 0.99)


def test_closed_loop_does_not_see_the_stall_that_the_open_loop_sees(clock):
    closed = time_rounds(stalling(clock), 1000, seconds=0)
    open_ = run_trial(stalling(clock), rate=500, bound_ms=NEVER_MS, seed=0)
    assert p99_ms(closed) == pytest.approx(SERVICE_MS, rel=0.02)
    assert p99_ms(open_.latencies) > 400


def test_everyone_who_queues_behind_a_stall_has_waited(clock):
    # 500 ms at 500 a second are 250 arrivals, and while 1,000 a second are worked off, 250 more come
    latencies = run_trial(stalling(clock), rate=500, bound_ms=NEVER_MS, seed=0).latencies / 1e6
    assert (latencies > 10).sum() == pytest.approx(500, rel=0.15)
    assert latencies.max() >= 500


def test_latency_counts_from_the_scheduled_arrival_not_from_the_start_of_the_call(clock):
    latencies = run_trial(constant(clock, 10), rate=1000, bound_ms=NEVER_MS, seed=0).latencies / 1e6
    assert np.corrcoef(latencies, np.arange(len(latencies)))[0, 1] > 0.99
    assert latencies[-1] == pytest.approx((10 - 1) * len(latencies), rel=0.1)


def test_mean_latency_is_that_of_pollaczek_and_khinchine(clock, monkeypatch):
    monkeypatch.setattr(open_loop, "FEWEST_ARRIVALS", 20_000)
    latencies = run_trial(constant(clock, SERVICE_MS), rate=600, bound_ms=NEVER_MS, seed=0).latencies
    assert latencies.mean() / 1e6 == pytest.approx(1 + 0.6 / (2 * (1 - 0.6)), rel=0.05)


def schedule(clock, *, rate, seed):
    """When the arrivals of a trial were due, in seconds since its first."""
    ended = []
    latencies = run_trial(
        lambda number: ended.append(clock.now + clock.tick), rate=rate, bound_ms=NEVER_MS, seed=seed
    ).latencies
    due = np.array(ended) - latencies
    return (due - due[0]) / 1e9


@pytest.mark.parametrize("rate", [50, 800])
def test_arrivals_are_poisson(clock, rate):
    gaps = np.diff(schedule(clock, rate=rate, seed=1))
    assert kstest(gaps, expon(scale=1 / rate).cdf).pvalue > 0.05
    assert gaps.mean() == pytest.approx(1 / rate, rel=0.1)
    assert abs(np.corrcoef(gaps[1:], gaps[:-1])[0, 1]) < 0.1


def test_same_seed_is_the_same_schedule(clock):
    first, again, other = (schedule(clock, rate=500, seed=seed) for seed in (3, 3, 4))
    assert first == pytest.approx(again, abs=1e-8)
    assert not np.allclose(first, other)


def test_trial_has_enough_arrivals_for_p99(clock):
    latencies = run_trial(constant(clock, 0.01), rate=10, bound_ms=20, seed=0).latencies
    series = Series(scenario="server", figure="end_to_end", batch_size=1, texts=1, nanoseconds=latencies)
    assert series.percentile_ms(99) is not None


def test_trial_ends_early_once_p99_cannot_be_kept(clock):
    trial = run_trial(constant(clock, 30), rate=10, bound_ms=20, seed=0)
    assert not trial.kept
    assert len(trial.latencies) == 10


@pytest.mark.parametrize("slow", range(8, 13))
def test_trial_is_kept_exactly_where_the_p99_that_is_reported_is_under_the_bound(clock, slow):
    numbers = set(np.linspace(0, 999, slow, dtype=int).tolist())

    def call(number):
        clock.work(400 if number in numbers else 0.5)

    trial = run_trial(call, rate=0.001, bound_ms=3, seed=0)
    assert trial.kept == (slow < 10)
    if trial.kept:
        assert p99_ms(trial.latencies) < 3


def test_loose_bound_finds_a_rate_close_under_the_capacity(clock):
    trials = find_highest_rate(constant(clock, SERVICE_MS), bound_ms=100)
    assert 900 < max(trial.rate for trial in trials if trial.kept) < 1000


@pytest.mark.parametrize("bound_ms", [2.5, 4, 8])
def test_highest_rate_of_a_constant_service_is_about_that_of_an_md1_queue(clock, bound_ms):
    trials = find_highest_rate(constant(clock, SERVICE_MS), bound_ms=bound_ms)
    highest_rate = max(trial.rate for trial in trials if trial.kept)
    assert highest_rate / 1000 == pytest.approx(share_kept_by_md1(bound_ms), abs=0.08)


def test_tighter_bound_finds_a_lower_rate(clock):
    rates = [
        max(trial.rate for trial in find_highest_rate(constant(clock, SERVICE_MS), bound_ms=bound_ms) if trial.kept)
        for bound_ms in (2, 3, 6, 50)
    ]
    assert rates == sorted(set(rates))


def test_model_slower_than_the_bound_keeps_no_rate(clock):
    trials = find_highest_rate(constant(clock, 30), bound_ms=20)
    assert not any(trial.kept for trial in trials)


def test_every_trial_that_was_kept_is_slower_than_every_one_that_was_not(clock):
    trials = find_highest_rate(constant(clock, SERVICE_MS), bound_ms=5)
    assert len(trials) == 6
    assert max(trial.rate for trial in trials if trial.kept) < min(trial.rate for trial in trials if not trial.kept)
