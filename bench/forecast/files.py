"""What a file of a model takes: to export and judge it, to measure it, and on the disk.

The rates lie between those of MiniLM in `results/movie-reviews` and `results/movie-reviews-formats`, on two cores with
AVX2 and with AVX-512: onnx was 1.1 and 1.9 times as fast as eager there. `probe.slowness` scales what is fixed, which
was taken on the former, to another machine.
"""

from dataclasses import dataclass

from bench.forecast.probe import Speed
from bench.harness.open_loop import FEWEST_ARRIVALS, LONGEST_SECONDS, STEPS, TRIAL_SECONDS
from bench.harness.scenarios import OFFLINE_ROWS, SINGLE_ROWS, SLOW_PASS_MS, SWEEP_CALLS
from bench.harness.timing import CALLS_A_SHAPE, FEWEST_ROUNDS
from bench.recipe.measuring import Measuring
from export.formats import EXPORTERS
from export.gate.parity import ROWS as GATE_ROWS

SHAPE_ROWS = 120  # what the gate's shapes amount to, in rows
WARM_ROUNDS, PASSES, SLOW_PASSES, TEXT_LENGTHS = 2.5, 3.5, 3.0, 30
SERVER_LOAD = 0.7
PROBE_SECONDS, START_SECONDS, TORCH_SECONDS = 0.1, 2.5, 3.0  # of a measuring process, and of importing torch in it


@dataclass(frozen=True, kw_only=True)
class FileCost:
    """A format: how many rows it answers while the eager file answers one, and bytes a weight.

    Writing it takes `fixed_seconds`, and `module_seconds` for each part of the module.
    """

    rate: float = 1.0
    weight_bytes: float = 4.0
    fixed_seconds: float = 0.5
    module_seconds: float = 0.01


FILES = {
    "eager": FileCost(),
    "eager-bf16": FileCost(rate=2.9, weight_bytes=2.0),
    "torchscript": FileCost(module_seconds=0.02),
    "aotinductor": FileCost(rate=1.1, fixed_seconds=20.0, module_seconds=0.5),
    "onnx": FileCost(rate=1.3, fixed_seconds=1.0, module_seconds=0.13),
    "onnx-fp16": FileCost(rate=1.3, weight_bytes=2.0, fixed_seconds=1.0, module_seconds=0.05),
    "onnx-int8": FileCost(rate=2.2, weight_bytes=1.05, module_seconds=0.1),
    "onnx-int8-static": FileCost(rate=2.2, weight_bytes=1.05, fixed_seconds=1.0, module_seconds=0.2),
    "openvino": FileCost(rate=1.8, fixed_seconds=1.0, module_seconds=0.1),
    "openvino-bf16": FileCost(rate=3.0, weight_bytes=2.0, fixed_seconds=1.0, module_seconds=0.1),
    "openvino-int8": FileCost(rate=4.0, weight_bytes=1.05, fixed_seconds=2.0, module_seconds=0.2),
}


def export_seconds(format: str, speed: Speed, *, validation_rows: int, slowness: float) -> float:
    """Writing a file, and asking it and, where it was not asked before, the model in memory for the gate's rows."""
    cost = FILES[format]
    real_rows = validation_rows if EXPORTERS[format].lossy else min(validation_rows, GATE_ROWS)
    asked = (real_rows + SHAPE_ROWS) / cost.rate
    if format == "eager":
        asked += real_rows + SHAPE_ROWS
    elif EXPORTERS[format].lossy:
        asked += max(0, real_rows - GATE_ROWS)
    return slowness * (cost.fixed_seconds + cost.module_seconds * speed.modules) + asked * speed.answer_seconds


def measuring_seconds(
    format: str, speed: Speed, measuring: Measuring, *, items: int, timed: bool, outputs: bool, slowness: float
) -> float:
    """One launch of a file over so many test rows, once."""
    cost = FILES.get(format, FileCost())
    call, row = speed.call_seconds / cost.rate, speed.file_row_seconds / cost.rate
    needs_torch = format not in FILES or EXPORTERS[format].runtime.startswith("torch")
    seconds = slowness * (START_SECONDS + TORCH_SECONDS * needs_torch) + (items * row if outputs else 0.0)
    if not timed:
        return seconds
    scenarios = {"single-stream": _single_stream, "offline": _offline, "server": _server, "sweep": _sweep}
    rows = min(items, SINGLE_ROWS)
    return seconds + sum(scenarios[name](measuring, speed, call, row, rows) for name in measuring.scenarios)


def _single_stream(measuring: Measuring, speed: Speed, call: float, row: float, rows: int) -> float:
    """Warm-up and whole rounds, of the model alone and end to end."""
    shapes = TEXT_LENGTHS if speed.tokens > 1 else 1
    warm = (CALLS_A_SHAPE * shapes + WARM_ROUNDS * rows) * call
    return 2 * (warm + max(measuring.seconds, FEWEST_ROUNDS * rows * call) + PROBE_SECONDS)


def _offline(measuring: Measuring, speed: Speed, call: float, row: float, rows: int) -> float:
    """Passes in batches of each size; of slow ones fewer, and end to end of one size alone."""
    one_pass, sizes = OFFLINE_ROWS * row, len(measuring.batch_sizes)
    is_slow = one_pass * 1e3 > SLOW_PASS_MS
    passes, end_to_end = (SLOW_PASSES, 1) if is_slow else (PASSES, sizes)
    return (sizes + end_to_end) * (max(measuring.seconds / 2 + one_pass, passes * one_pass) + PROBE_SECONDS)


def _server(measuring: Measuring, speed: Speed, call: float, row: float, rows: int) -> float:
    """Warm-up and all trials of a bisection."""
    trial = min(LONGEST_SECONDS, max(TRIAL_SECONDS, FEWEST_ARRIVALS * call / SERVER_LOAD))
    return WARM_ROUNDS * rows * call + STEPS * trial


def _sweep(measuring: Measuring, speed: Speed, call: float, row: float, rows: int) -> float:
    """Warm-up and whole rounds of each fixed shape."""
    lengths = [length / speed.tokens for length in measuring.sweep_lengths] if speed.tokens > 1 else [1.0]
    seconds = 0.0
    for length in lengths:
        for size in measuring.sweep_batch_sizes:
            shape_call = length * max(call, size * row)
            rounds = SWEEP_CALLS * (WARM_ROUNDS + FEWEST_ROUNDS) * shape_call
            seconds += max(measuring.seconds / 4, rounds) + PROBE_SECONDS
    return seconds


def size_bytes(format: str, speed: Speed) -> float:
    """A file of this format."""
    is_plain = format in ("eager", "eager-bf16")
    return FILES.get(format, FileCost()).weight_bytes * (speed.parameters if is_plain else speed.deployed_parameters)
