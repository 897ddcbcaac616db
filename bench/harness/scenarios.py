"""The scenarios after MLPerf inference: single-stream, offline, server, and a sweep over fixed shapes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bench.harness.open_loop import find_highest_rate
from bench.harness.series import Series
from bench.harness.subject import Graph, Subject
from bench.harness.timing import time_passes, time_rounds, warm_up
from bench.harness.workload import Workload
from encoders.token_rows import TokenRows
from materials.errors import tells_of_memory
from materials.modalities import Item

SINGLE_ROWS, OFFLINE_ROWS = 128, 256
SWEEP_CALLS = 4
SLOW_PASS_MS = 500
MODEL, END_TO_END, CUDA_EVENTS = "model", "end_to_end", "cuda_events"


@dataclass(kw_only=True)
class Scenarios:
    """The results of one model's scenarios; `unsteady` names those whose warm-up did not end.

    `refused_shapes` holds the pairs of batch size and length that the graph did not take, all longer than its texts.
    `before` is called with the name of each measurement, before its warm-up.
    """

    series: list[Series] = field(default_factory=list)
    unsteady: list[str] = field(default_factory=list)
    refused_shapes: list[tuple[int, int]] = field(default_factory=list)
    highest_rate: float | None = None
    server_bound_ms: float | None = None
    before: Callable[[str], None] = lambda name: None


def run_scenarios(
    workload: Workload, subject: Subject, texts: Sequence[Item], before: Callable[[str], None] = lambda name: None
) -> Scenarios:
    """Time the scenarios that the workload names, on the same seeded texts for every model.

    Single calls rotate over 128 texts at their own lengths, always in whole rounds; passes go over 256 texts in batches
    of about equal length, each padded to its own longest text. `before` is called with the name of each measurement.
    """
    single_texts, offline_texts = single_items(texts), _chosen_items(texts, OFFLINE_ROWS)
    shapes = one_of_each_shape(subject.graph, single_texts) if subject.graph else [0]
    scenarios = Scenarios(before=before)
    if "single-stream" in workload.scenarios:
        _single_stream(scenarios, subject, single_texts, shapes, workload)
    if "offline" in workload.scenarios:
        _offline(scenarios, subject, offline_texts, workload)
    if "server" in workload.scenarios:
        _server(scenarios, subject, single_texts, shapes, workload)
    if "sweep" in workload.scenarios and subject.graph:
        _sweep(scenarios, subject.graph, texts, workload)
    return scenarios


def single_items(texts: Sequence[Item]) -> list[Item]:
    """The texts that single calls rotate over."""
    return _chosen_items(texts, SINGLE_ROWS)


def _chosen_items(texts: Sequence[Item], count: int) -> list[Item]:
    return [texts[row] for row in np.random.default_rng(0).permutation(len(texts))[:count]]


def _single_stream(
    scenarios: Scenarios, subject: Subject, texts: Sequence[Item], shapes: Sequence[int], workload: Workload
) -> None:
    """One text at a time, the next when the last is done: the model alone, and from text to label."""

    def add(figure: str, call: Callable[[int], object]) -> None:
        name = f"single-stream {figure}"
        scenarios.before(name)
        if not warm_up(call, len(texts), shapes):
            scenarios.unsteady.append(name)
        times = time_rounds(call, len(texts), seconds=workload.seconds)
        scenarios.series.append(
            Series(
                scenario="single-stream",
                figure=figure,
                batch_size=1,
                texts=1,
                nanoseconds=times,
                round_calls=len(texts),
            )
        )

    if graph := subject.graph:
        prepared = single_inputs(graph, texts)
        add(MODEL, lambda number: graph.forward(prepared[number]))
        if workload.device == "cuda":
            from bench.harness.gpu import time_events

            times = time_events(lambda number: graph.runtime.forward(prepared[number]), len(texts))
            scenarios.series.append(
                Series(scenario="single-stream", figure=CUDA_EVENTS, batch_size=1, texts=1, nanoseconds=times)
            )
    add(END_TO_END, lambda number: subject.label([texts[number]], 1))


def single_inputs(graph: Graph, texts: Sequence[Item]) -> list[Any]:
    """The prepared inputs of each text, as a batch of one."""
    return [graph.runtime.prepare(graph.encoder.pad(graph.encoder.encode([text]))) for text in texts]


def one_of_each_shape(graph: Graph, items: Sequence[Item]) -> list[int]:
    """For each length in tokens that occurs, the number of one item of that length; images have one shape."""
    lengths = graph.encoder.lengths(graph.encoder.encode(items))
    return [int(np.flatnonzero(lengths == length)[0]) for length in np.unique(lengths)]


def _offline(scenarios: Scenarios, subject: Subject, texts: Sequence[Item], workload: Workload) -> None:
    """All texts at once: passes in batches of each size for the model alone, and from text to label.

    Where the fastest pass takes over half a second, tokenizing does not change which size is best, so end to end is
    timed at that size only.
    A library gets all texts in one call and chooses its batches itself.
    """

    def add(figure: str, size: int, one_pass: Callable[[], object]) -> Series:
        name = f"offline {figure} in batches of {size}"
        scenarios.before(name)
        times, steady = time_passes(one_pass, seconds=workload.seconds / 2)
        if not steady:
            scenarios.unsteady.append(name)
        scenarios.series.append(
            Series(scenario="offline", figure=figure, batch_size=size, texts=len(texts), nanoseconds=times)
        )
        return scenarios.series[-1]

    sizes: Sequence[int] = (len(texts),)
    if graph := subject.graph:
        passes = [add(MODEL, size, _pass_over(graph, texts, size)) for size in workload.batch_sizes]
        fastest = min(passes, key=lambda series: series.median_ms)
        sizes = (fastest.batch_size,) if fastest.median_ms > SLOW_PASS_MS else workload.batch_sizes
    for size in sizes:
        # The default binds the size of this turn: the loop variable has the last one by the time of any later call.
        add(END_TO_END, size, lambda size=size: subject.label(texts, size))  # type: ignore[misc]


def _pass_over(graph: Graph, texts: Sequence[Item], size: int) -> Callable[[], object]:
    rows = graph.encoder.encode(texts)
    batches = [graph.runtime.prepare(arrays) for _, arrays in graph.encoder.batches(rows, size)]

    def one_pass() -> None:
        for batch in batches:
            graph.forward(batch)

    return one_pass


def _server(
    scenarios: Scenarios, subject: Subject, texts: Sequence[Item], shapes: Sequence[int], workload: Workload
) -> None:
    """One text at a time, as they arrive: the highest rate whose p99 from text to label is under the bound."""

    def call(number: int) -> object:
        return subject.label([texts[number % len(texts)]], 1)

    scenarios.before("server")
    if not warm_up(call, len(texts), shapes):
        scenarios.unsteady.append("server")
    trials = find_highest_rate(call, bound_ms=workload.server_p99_ms)
    for trial in trials:
        scenarios.series.append(
            Series(
                scenario="server",
                figure=END_TO_END,
                batch_size=1,
                texts=1,
                nanoseconds=trial.latencies,
                rate_per_second=trial.rate,
            )
        )
    scenarios.server_bound_ms = workload.server_p99_ms
    scenarios.highest_rate = max((trial.rate for trial in trials if trial.kept), default=None)


def _sweep(scenarios: Scenarios, graph: Graph, items: Sequence[Item], workload: Workload) -> None:
    """Fixed shapes: batch size by length, cut from the real texts' tokens; images by batch size alone.

    Lengths may exceed the model's own limit; such a shape that the graph refuses is noted in `refused_shapes`. Any
    other error is raised, as is one for want of memory.
    """
    rows = graph.encoder.encode(items)
    longest = graph.encoder.max_length_tokens
    lengths: Sequence[int | None] = (None,) if longest is None else workload.sweep_lengths
    for length in lengths:
        for size in workload.sweep_batch_sizes:
            batches = [_batch_of_shape(graph, rows, number, size, length) for number in range(SWEEP_CALLS)]

            def call(number: int, batches: list[Any] = batches) -> object:
                return graph.forward(batches[number])

            try:
                call(0)
            except Exception as error:  # each runtime has its own for a position that the model has no weights for
                if length is None or longest is None or length <= longest or tells_of_memory(repr(error)):
                    raise
                scenarios.refused_shapes.append((size, length))
                continue
            name = f"sweep {size}" + ("" if length is None else f" x {length}")
            scenarios.before(name)
            if not warm_up(call, SWEEP_CALLS, [0]):
                scenarios.unsteady.append(name)
            scenarios.series.append(
                Series(
                    scenario="sweep",
                    figure=MODEL,
                    batch_size=size,
                    texts=size,
                    nanoseconds=time_rounds(call, SWEEP_CALLS, seconds=workload.seconds / 4),
                    round_calls=SWEEP_CALLS,
                    length_tokens=length,
                )
            )


def _batch_of_shape(graph: Graph, rows: Any, number: int, size: int, length: int | None) -> Any:
    """The prepared inputs of `size` items, of exactly `length` tokens each where items are texts.

    Each batch number begins elsewhere in the items, so that no two calls compute the same.
    """
    if length is None:
        row_numbers = np.arange(number * size, (number + 1) * size) % len(rows)
        return graph.runtime.prepare(graph.encoder.pad(graph.encoder.take(rows, row_numbers)))
    # Rolling brings the tokens of batch `number` to the front; resize starts over where the tokens run out.
    shift, shape = -number * size * length, (size, length)
    tokens = np.resize(np.roll(rows.tokens, shift), shape)
    types = None if rows.types is None else np.resize(np.roll(rows.types, shift), shape).tolist()
    return graph.runtime.prepare(graph.encoder.pad(TokenRows.of(tokens.tolist(), types)))
