"""The server scenario: arrivals come when they come, and a latency counts from the scheduled arrival.

A closed loop asks again only when it was answered, so a model that stalls is asked less often just then, and the wait
that callers would have had goes uncounted (coordinated omission). Here the schedule is drawn beforehand.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bench.harness.series import ENOUGH_BEYOND

SHARE_ABOVE = 0.01  # p99
FEWEST_ARRIVALS = int(ENOUGH_BEYOND / SHARE_ABOVE)
MOST_ARRIVALS = 20_000
TRIAL_SECONDS, LONGEST_SECONDS = 2.0, 60.0
STEPS = 6
SPIN_NANOSECONDS = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One rate in arrivals a second, its latencies in nanoseconds (int64), and whether p99 stayed under the bound."""

    rate: float
    latencies: np.ndarray
    kept: bool


def find_highest_rate(call: Callable[[int], object], *, bound_ms: float, seed: int = 0) -> list[Trial]:
    """Trials of a bisection for the highest rate of Poisson arrivals whose p99 stays under `bound_ms`.

    Starts from what a closed loop reaches, which no open loop can exceed, and halves the distance six times. A rate so
    low that its 1,000 arrivals would take more than a minute is not tried, and ends the search.
    """
    capacity = _closed_loop_rate(call)
    low, high = 0.0, 1.0
    trials = []
    for step in range(STEPS):
        share = (low + high) / 2
        if share * capacity * LONGEST_SECONDS < FEWEST_ARRIVALS:
            break
        trials.append(run_trial(call, rate=share * capacity, bound_ms=bound_ms, seed=seed + step))
        low, high = (share, high) if trials[-1].kept else (low, share)
    return trials


def run_trial(call: Callable[[int], object], *, rate: float, bound_ms: float, seed: int) -> Trial:
    """Run one rate over at least 1,000 arrivals, which p99 needs; end early once too many are late for the bound."""
    arrivals = min(MOST_ARRIVALS, max(FEWEST_ARRIVALS, int(rate * TRIAL_SECONDS)))
    # Gaps of an exponential distribution make a Poisson process: callers who do not know of each other.
    gaps = np.random.default_rng(seed).exponential(1e9 / rate, size=arrivals)
    bound_ns = bound_ms * 1e6
    allowed_late = int((arrivals - 1) * SHARE_ABOVE)  # as numpy counts the percentile
    late = 0
    latencies = []
    clock = time.perf_counter_ns
    start_ns = clock()
    for number, due in enumerate((start_ns + np.cumsum(gaps)).astype(np.int64).tolist()):
        _wait_until(due)
        call(number)
        latencies.append(clock() - due)
        late += latencies[-1] > bound_ns
        if late > allowed_late:
            break
    return Trial(rate=rate, latencies=np.array(latencies, dtype=np.int64), kept=late <= allowed_late)


def _wait_until(due: int) -> None:
    """Sleep while there is more than a millisecond, then watch the clock; returns at once when it is late already."""
    # A sleep may end late by some tenths of a millisecond, which would count as the model's latency.
    while (remaining_ns := due - time.perf_counter_ns()) > 0:
        if remaining_ns > SPIN_NANOSECONDS:
            time.sleep((remaining_ns - SPIN_NANOSECONDS) / 1e9)


def _closed_loop_rate(call: Callable[[int], object]) -> float:
    """Calls a second, one after the other, over 256 calls."""
    start_ns = time.perf_counter_ns()
    for number in range(256):
        call(number)
    return 256 * 1e9 / (time.perf_counter_ns() - start_ns)
