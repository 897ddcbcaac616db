"""The two loops that every time comes from: single calls in whole rounds, and whole passes."""

import time
from collections.abc import Callable, Sequence

import numpy as np

STABLE = 0.05
MOST_CALLS = 20_000
PASSES_TO_SETTLE = 5
FEWEST_ROUNDS = 5
WARM_UP_SECONDS = 3.0
CALLS_A_SHAPE, FEWEST_WARM_ROUNDS = 3, 5


def warm_up(call: Callable[[int], object], calls: int, shapes: Sequence[int]) -> bool:
    """Run each shape, then whole rounds, until the median of a round is within 5 % of the one before.

    `shapes` holds one call number for each shape; each is run three times first, since TorchScript specialises a shape
    on its second run. Returns whether the time became stable within five rounds or three seconds.
    """
    for number in shapes:
        for _ in range(CALLS_A_SHAPE):
            call(number)
    previous_median = float("inf")
    deadline = time.perf_counter() + WARM_UP_SECONDS
    rounds = 0
    while rounds < FEWEST_WARM_ROUNDS or time.perf_counter() < deadline:
        median = float(np.median(_time_round(call, calls)))
        if abs(median / previous_median - 1) < STABLE:
            return True
        previous_median, rounds = median, rounds + 1
    return False


def time_rounds(call: Callable[[int], object], calls: int, *, seconds: float) -> np.ndarray:
    """Nanoseconds of single calls, int64, in whole rounds of `calls`: five or more, until `seconds` have passed.

    Of more than 20,000 calls, evenly spaced whole rounds are kept, so that raw samples stay small.
    """
    rounds: list[list[int]] = []
    deadline = time.perf_counter() + seconds
    while len(rounds) < FEWEST_ROUNDS or time.perf_counter() < deadline:
        rounds.append(_time_round(call, calls))
    most_rounds = max(FEWEST_ROUNDS, MOST_CALLS // calls)
    round_numbers = np.linspace(0, len(rounds) - 1, min(len(rounds), most_rounds)).astype(np.int64)
    return np.array([rounds[number] for number in round_numbers.tolist()], dtype=np.int64).ravel()


def time_passes(one_pass: Callable[[], object], *, seconds: float) -> tuple[np.ndarray, bool]:
    """Nanoseconds of whole passes, int64, two or more, and whether they became steady.

    The first pass is not counted. Nor are those before the first two in a row within 5 %; where five passes or more
    hold no such two, all count.
    """
    one_pass()
    times: list[int] = []
    steady = False
    deadline = time.perf_counter() + seconds
    while len(times) < 2 or (not steady and len(times) < PASSES_TO_SETTLE) or time.perf_counter() < deadline:
        start_ns = time.perf_counter_ns()
        one_pass()
        times.append(time.perf_counter_ns() - start_ns)
        if not steady and len(times) > 1 and abs(times[-1] / times[-2] - 1) < STABLE:
            steady = True
            times = times[-2:]
    return np.array(times, dtype=np.int64), steady


def _time_round(call: Callable[[int], object], calls: int) -> list[int]:
    clock = time.perf_counter_ns
    times = []
    for number in range(calls):
        start_ns = clock()
        call(number)
        times.append(clock() - start_ns)
    return times
