"""Checks the harness in a fresh process, `python -m bench.harness.agreement WORKLOAD ITEMS FOLDER PIPE`.

It writes agreement.json: its p50 is held against an independent loop of timeit over the same session and inputs, in
turns; its own cost per call is what the loop takes beyond bare calls of a function that does nothing.
"""

import json
import sys
import timeit
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bench.harness.isolation import read_items
from bench.harness.lifeline import end_with_lifeline
from bench.harness.scenarios import one_of_each_shape, single_inputs, single_items
from bench.harness.subject import load_subject
from bench.harness.timing import FEWEST_ROUNDS, time_rounds, warm_up
from bench.harness.workload import Workload
from export.foreign import open_model

TURNS = 7
CALLS = 20_000


def main(workload_file: Path, items_file: Path, folder: Path) -> None:
    """Write agreement.json: the p50 of harness and timeit in each turn, in milliseconds, and the harness's cost."""
    workload = Workload.read(workload_file)
    bundle = open_model(Path(workload.model), modality=workload.modality, allow_code=workload.allow_code)
    subject = load_subject(workload, bundle)
    if subject.graph is None:
        raise ValueError("a library has no session to check the harness on")
    graph = subject.graph
    items = single_items(read_items(workload, items_file))
    prepared = single_inputs(graph, items)

    def call(number: int) -> Any:
        return graph.forward(prepared[number])

    warm_up(call, len(prepared), one_of_each_shape(graph, items))
    turns = [
        (_harness_p50(call, len(prepared), workload.seconds), _timeit_p50(call, len(prepared))) for _ in range(TURNS)
    ]
    content = {
        "harness_p50_ms": [harness for harness, _ in turns],
        "timeit_p50_ms": [independent for _, independent in turns],
        "cost_ns": harness_cost_ns(),
    }
    (folder / "agreement.json").write_text(json.dumps(content), encoding="utf-8")


def harness_cost_ns() -> float:
    """Nanoseconds that the harness adds to one call: its loop over a function that does nothing, less bare calls."""

    def nothing(number: int) -> None:
        return None

    def bare() -> None:
        for number in range(CALLS):
            nothing(number)

    # The fastest of several runs, for other processes only ever add time; without seconds, the loop runs fewest rounds.
    looped_seconds = min(timeit.repeat(lambda: time_rounds(nothing, CALLS, seconds=0), number=1, repeat=TURNS))
    bare_seconds = min(timeit.repeat(bare, number=1, repeat=TURNS))
    return (looped_seconds / FEWEST_ROUNDS - bare_seconds) / CALLS * 1e9


def _harness_p50(call: Callable[[int], object], calls: int, seconds: float) -> float:
    return float(np.median(time_rounds(call, calls, seconds=seconds))) / 1e6


def _timeit_p50(call: Callable[[int], object], calls: int) -> float:
    """The median over all inputs; timeit gives each input the median of five runs of a few calls."""
    seconds_per_call = timeit.timeit(lambda: call(0), number=5) / 5
    number = max(1, int(1e-3 / seconds_per_call))  # runs of about a millisecond, far above the clock's resolution
    medians = [_median_run(partial(call, row), number) for row in range(calls)]
    return float(np.median(medians)) * 1e3


def _median_run(call: Callable[[], object], number: int) -> float:
    return float(np.median(timeit.repeat(call, number=number, repeat=5))) / number


if __name__ == "__main__":
    end_with_lifeline(int(sys.argv[4]))
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
