"""Latency and throughput of one loaded bundle on real texts; runs in a process that does nothing else."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from export.runtime import Runtime
from training.text_encoder import TextEncoder
from training.token_rows import TokenRows

BATCH_SIZES = (8, 32, 128)
SINGLE_ROWS, OFFLINE_ROWS = 128, 256
SECONDS = 1.0
MOST_CALLS = 20_000
STABLE = 0.05


@dataclass(kw_only=True)
class Samples:
    """Raw times in nanoseconds: of single calls, and of whole passes over `rows` texts by batch size."""

    single: dict[str, list[int]] = field(default_factory=dict)
    passes: dict[str, dict[int, list[int]]] = field(default_factory=dict)
    rows: int = 0


def measure_speed(runtime: Runtime, encoder: TextEncoder, texts: Sequence[str]) -> Samples:
    """Time the model alone and from text to label, one text at a time and in batches of texts of about equal length.

    Every file is timed on the same seeded sample of the texts: 128 of them, always in whole rounds, for single calls,
    and 256 for passes. Batches are padded to their own longest text.
    """
    order = np.random.default_rng(0).permutation(len(texts))
    single = [texts[row] for row in order[:SINGLE_ROWS]]
    offline = [texts[row] for row in order[:OFFLINE_ROWS]]
    arrays = [encoder.pad(encoder.encode([text])) for text in single]
    samples = Samples(rows=len(offline))
    _warm_up(runtime, arrays)
    samples.single["model"] = _time_rounds(lambda row: runtime(arrays[row]), len(single))
    samples.single["end_to_end"] = _time_rounds(
        lambda row: _classify_all(runtime, encoder, single[row : row + 1], 1), len(single)
    )
    encoded = encoder.encode(offline)
    samples.passes["model"] = {size: _time_batches(runtime, encoder, encoded, size) for size in BATCH_SIZES}
    best = best_batch_size(samples.passes["model"])
    samples.passes["end_to_end"] = {best: _time_passes(lambda: _classify_all(runtime, encoder, offline, best))}
    return samples


def best_batch_size(passes: dict[int, list[int]]) -> int:
    """The batch size whose median pass is fastest."""
    return min(passes, key=lambda size: float(np.median(passes[size])))


def supported_percentile(samples: Sequence[int], percent: float) -> float | None:
    """A percentile in milliseconds, or none with fewer than 10 samples beyond it."""
    if len(samples) * (100 - percent) < 1000:
        return None
    return float(np.percentile(samples, percent)) / 1e6


def _warm_up(runtime: Runtime, arrays: Sequence[dict[str, np.ndarray]]) -> None:
    """Run each shape three times (TorchScript specialises a shape on its second run), then until calls are stable."""
    shapes = {next(iter(one.values())).shape: one for one in arrays}
    for one in shapes.values():
        for _ in range(3):
            runtime(one)
    previous = float("inf")
    deadline = time.perf_counter() + 3 * SECONDS
    while time.perf_counter() < deadline:
        window = []
        for one in arrays:
            started = time.perf_counter_ns()
            runtime(one)
            window.append(time.perf_counter_ns() - started)
        if abs(np.median(window) / previous - 1) < STABLE:
            return
        previous = float(np.median(window))


def _time_rounds(call: Callable[[int], object], rows: int) -> list[int]:
    """Times of single calls, each row equally often; at least one round, more until a second has passed."""
    times: list[int] = []
    deadline = time.perf_counter() + SECONDS
    while not times or (time.perf_counter() < deadline and len(times) < MOST_CALLS):
        for row in range(rows):
            started = time.perf_counter_ns()
            call(row)
            times.append(time.perf_counter_ns() - started)
    return times


def _time_batches(runtime: Runtime, encoder: TextEncoder, encoded: TokenRows, size: int) -> list[int]:
    batches = [arrays for _, arrays in encoder.batches(encoded, size)]

    def one_pass() -> None:
        for batch in batches:
            runtime(batch)

    return _time_passes(one_pass)


def _time_passes(one_pass: Callable[[], object]) -> list[int]:
    """Times of whole passes, less the ones before two in a row were about equal; at least two."""
    times: list[int] = []
    steady = False
    deadline = time.perf_counter() + SECONDS / 2
    while len(times) < 2 or (not steady and len(times) < 5) or (time.perf_counter() < deadline and len(times) < 1000):
        started = time.perf_counter_ns()
        one_pass()
        times.append(time.perf_counter_ns() - started)
        if not steady and len(times) > 1 and abs(times[-1] / times[-2] - 1) < STABLE:
            steady = True
            times = times[-2:]
    return times


def _classify_all(runtime: Runtime, encoder: TextEncoder, texts: Sequence[str], size: int) -> np.ndarray:
    encoded = encoder.encode(texts)
    labels = np.empty(len(encoded), dtype=np.int64)
    for rows, arrays in encoder.batches(encoded, size):
        labels[rows] = runtime(arrays).argmax(axis=1)
    return labels
