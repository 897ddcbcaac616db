from collections import Counter

import numpy as np
import pytest
from sample_clock import Clock, constant

from bench.harness import timing
from bench.harness.agreement import harness_cost_ns
from bench.harness.timing import time_passes, time_rounds, warm_up


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(timing, "time", clock)
    return clock


def lasting(clock, milliseconds):
    """A pass that takes the next of these times, then the last for ever."""
    left = list(milliseconds)
    return lambda: clock.work(left.pop(0) if len(left) > 1 else left[0])


def test_each_time_is_that_of_its_own_call(clock):
    times = time_rounds(lambda number: clock.work(number + 1), 4, seconds=0)
    assert times.dtype == np.int64
    assert times.reshape(5, 4).tolist() == [[1e6, 2e6, 3e6, 4e6]] * 5


@pytest.mark.parametrize("seconds", [0, 0.0205, 1])
def test_rounds_are_whole_so_that_every_call_is_timed_equally_often(clock, seconds):
    call_counts = Counter()

    def call(number):
        call_counts[number] += 1
        clock.work(1)

    times = time_rounds(call, 7, seconds=seconds)
    assert len(set(call_counts.values())) == 1
    assert len(times) == sum(call_counts.values())
    assert set(call_counts) == set(range(7))


def test_there_are_five_rounds_however_short_the_time(clock):
    assert len(time_rounds(constant(clock, 1000), 7, seconds=0)) == 35


def test_rounds_go_on_until_the_time_is_over(clock):
    assert len(time_rounds(constant(clock, 1), 10, seconds=0.195)) == 200


def test_short_calls_go_on_until_the_time_is_over_and_some_rounds_from_all_over_are_kept(clock):
    durations_ms = iter(np.linspace(0.001, 0.003, 100_000))
    times = time_rounds(lambda number: clock.work(next(durations_ms)), 100, seconds=0.15)
    assert clock.now >= 0.15e9
    assert timing.MOST_CALLS - 100 <= len(times) <= timing.MOST_CALLS
    assert times[0] == 1000
    assert times[-1] > 2500


def test_the_first_pass_and_those_before_two_in_a_row_agree_are_dropped(clock):
    times, steady = time_passes(lasting(clock, [20, 90, 50, 20, 20.5, 20]), seconds=0.3)
    assert steady
    assert times[:3].tolist() == [20e6, 20.5e6, 20e6]
    assert times.max() < 21e6


def test_passes_that_never_agree_are_said_to_be_unsteady_and_five(clock):
    times, steady = time_passes(lasting(clock, [5, 10, 20, 10, 20, 10, 20]), seconds=0)
    assert not steady
    assert times.tolist() == [10e6, 20e6, 10e6, 20e6, 10e6]


def test_a_slow_pass_is_timed_twice_after_the_first(clock):
    times, steady = time_passes(lasting(clock, [90_000, 60_000]), seconds=1)
    assert times.tolist() == [60e9, 60e9]
    assert steady


def test_warm_up_runs_each_shape_three_times_first(clock):
    calls = []

    def call(number):
        calls.append(number)
        clock.work(1)

    assert warm_up(call, 3, [2, 0])
    assert calls == [2, 2, 2, 0, 0, 0, *[0, 1, 2] * 2]


def test_warm_up_goes_on_until_a_round_is_within_five_percent_of_the_one_before(clock):
    medians = [10, 8, 7.5, 7.2, 7.1]  # 0.80, 0.94, 0.96
    rounds = []

    def call(number):
        if number == 0:
            rounds.append(medians[len(rounds)])
        clock.work(rounds[-1])

    assert warm_up(call, 5, [])
    assert rounds == medians[:4]


def test_warm_up_says_so_when_a_call_never_settles(clock):
    milliseconds = [1.0]

    def call(number):
        milliseconds.append(milliseconds[-1] * 1.05)
        clock.work(milliseconds[-1])

    assert not warm_up(call, 4, [0])


def test_warm_up_of_a_very_slow_call_still_compares_two_rounds(clock):
    assert warm_up(constant(clock, 10_000), 2, [])


def test_the_harness_adds_less_than_two_microseconds_to_a_call():
    assert min(harness_cost_ns() for _ in range(3)) < 2000
