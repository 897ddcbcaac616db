"""Latency and throughput of one loaded bundle on real texts; runs in a process that does nothing else."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from export.runtime import Runtime
from training.text_encoder import TextEncoder, bucketed_batches

BATCH_SIZES = (8, 32, 128)
SECONDS = 1.0
FEWEST_CALLS, MOST_CALLS = 120, 20_000
FEWEST_ROWS, MOST_ROWS = 128, 1024
STABLE = 0.05


@dataclass(kw_only=True)
class Samples:
    """Raw times in nanoseconds: of single calls, and of whole passes over `rows` texts by batch size."""

    single: dict[str, list[int]] = field(default_factory=dict)
    passes: dict[str, dict[int, list[int]]] = field(default_factory=dict)
    rows: int = 0


def measure_speed(runtime: Runtime, encoder: TextEncoder, texts: Sequence[str]) -> Samples:
    """Time the model alone and from text to label, one text at a time and in batches of texts of about equal length.

    Each input shape is warmed up first; batches are padded to their own longest text.
    """
    encoded = encoder.encode(texts)
    arrays = [encoder.pad([tokens]) for tokens in encoded]
    samples = Samples()
    _warm_up(runtime, arrays)
    samples.single["model"] = _time_calls(lambda index: runtime(arrays[index]), len(arrays))
    samples.single["end_to_end"] = _time_calls(
        lambda index: _classify(runtime, encoder, texts[index : index + 1]), len(texts)
    )
    typical = float(np.median(samples.single["model"])) / 1e9
    samples.rows = int(np.clip(2 * SECONDS / typical, min(FEWEST_ROWS, len(texts)), min(MOST_ROWS, len(texts))))
    chosen = np.linspace(0, len(texts) - 1, samples.rows).astype(int)
    chosen_encoded, chosen_texts = [encoded[index] for index in chosen], [texts[index] for index in chosen]
    samples.passes["model"] = {size: _time_batches(runtime, encoder, chosen_encoded, size) for size in BATCH_SIZES}
    best = best_batch_size(samples.passes["model"])
    samples.passes["end_to_end"] = {best: _time_passes(lambda: _classify_all(runtime, encoder, chosen_texts, best))}
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
        for one in arrays[:50]:
            started = time.perf_counter_ns()
            runtime(one)
            window.append(time.perf_counter_ns() - started)
        if abs(np.median(window) / previous - 1) < STABLE:
            return
        previous = float(np.median(window))


def _time_calls(call: Callable[[int], object], rows: int) -> list[int]:
    times: list[int] = []
    deadline = time.perf_counter() + SECONDS
    while len(times) < FEWEST_CALLS or (time.perf_counter() < deadline and len(times) < MOST_CALLS):
        index = len(times) % rows
        started = time.perf_counter_ns()
        call(index)
        times.append(time.perf_counter_ns() - started)
    return times


def _time_batches(runtime: Runtime, encoder: TextEncoder, encoded: Sequence[Sequence[int]], size: int) -> list[int]:
    batches = [
        encoder.pad([encoded[row] for row in rows])
        for rows in bucketed_batches([len(tokens) for tokens in encoded], size, None)
    ]

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


def _classify(runtime: Runtime, encoder: TextEncoder, texts: Sequence[str]) -> np.ndarray:
    return runtime(encoder.pad(encoder.encode(texts))).argmax(axis=1)


def _classify_all(runtime: Runtime, encoder: TextEncoder, texts: Sequence[str], size: int) -> np.ndarray:
    encoded = encoder.encode(texts)
    labels = np.empty(len(encoded), dtype=np.int64)
    for rows in bucketed_batches([len(tokens) for tokens in encoded], size, None):
        labels[rows] = runtime(encoder.pad([encoded[row] for row in rows])).argmax(axis=1)
    return labels
