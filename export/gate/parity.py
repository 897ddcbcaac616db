"""The gate between an exported file and its use: it must still compute what the model in memory computes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from encoders.encoder import Encoder
from export.runtimes.runtime import Forward, logits_of
from materials.errors import with_kind
from materials.tasks.task import Task

ROWS = 256
EXAMPLE_ROWS = 64
SMALLEST_SPREAD = 1e-6
USUAL_LOGIT = 10.0
FOLDERS = re.compile(r"(?<![\w./])/(?:[^\s/'\",:;()]+/)+")  # all of an absolute path but its last name


@dataclass(frozen=True, kw_only=True)
class ParityBounds:
    """What a file may differ by; `largest_difference` is for lossless formats, the rest for lossy ones.

    Where logits reach further than 10, it grows with the largest of them, as rounding to 24 bits does.
    `largest_noise` catches a file whose decisions agree by chance: see `Parity`. `smallest_agreement` and `margin` are
    for decisions, `smallest_correlation` is for numbers. `largest_f1_drop` is that of the task's headline.
    """

    largest_difference: float = 1e-4
    largest_noise: float = 0.5
    smallest_agreement: float = 0.99
    smallest_correlation: float = 0.995
    largest_f1_drop: float = 0.005
    margin: float = 0.1


@dataclass(frozen=True, kw_only=True)
class Parity:
    """The gate's finding: `status` is passed or failed, `reason` says what failed first, none when nothing did.

    `noise` is the root mean square of the logits' differences over the standard deviation of the reference's logits on
    the rows: the largest of that on the rows, and on each shape. `agreement` is how far decisions are kept (see
    `Task.kept`), and `f1_drop` what the task's headline loses.
    """

    status: str
    reason: str | None
    largest_difference: float
    noise: float
    agreement: float
    f1_drop: float


def check_parity(
    reference: Forward,
    candidate: Forward,
    candidate_inputs: Sequence[str],
    *,
    encoder: Encoder,
    rows: Any,
    targets: np.ndarray,
    task: Task,
    lossy: bool,
    bounds: ParityBounds,
    made_up: bool = False,
) -> Parity:
    """Compare names, then shapes, then values over the encoder's shapes and the real `rows` that it encoded.

    Shapes are filled with what the real rows hold; rows that are `made_up` tell no more there than the encoder's own
    examples, which the reference answers once for all files.

    Lossless: the largest difference of logits over all shapes and the first 256 rows. Lossy: the decisions
    kept on the rows whose reference margin exceeds the bound's, and the loss in the task's headline against `targets`,
    over all rows; and the noise of every shape.
    """
    expected_names = [graph_input.name for graph_input in encoder.inputs]
    if sorted(candidate_inputs) != sorted(expected_names):
        return failed_parity(f"inputs are named {', '.join(candidate_inputs)}; expected {', '.join(expected_names)}")
    compared_rows, example_rows = (rows if lossy else rows[:ROWS]), (None if made_up else rows[:EXAMPLE_ROWS])
    try:
        shapes = [_both(reference, candidate, encoder.example(shape, rows=example_rows)) for shape in encoder.shapes()]
        expected, actual = (logits_of(forward, encoder, compared_rows) for forward in (reference, candidate))
    except Exception as error:  # a runtime may raise anything for a shape that the file does not take
        return failed_parity(with_kind(error))
    targets = targets[: len(compared_rows)]
    return compare(expected, actual, targets, task=task, lossy=lossy, bounds=bounds, shapes=shapes)


def compare(
    expected: np.ndarray,
    actual: np.ndarray,
    targets: np.ndarray,
    *,
    task: Task,
    lossy: bool,
    bounds: ParityBounds,
    shapes: Sequence[tuple[np.ndarray, np.ndarray]] = (),
) -> Parity:
    """The finding for two arrays of outputs (rows, outputs) of the same rows.

    `shapes` holds pairs of such arrays of made-up inputs: they count for the largest difference, and the noisiest of
    them for the noise.
    """
    if expected.shape != actual.shape:
        return failed_parity(f"logits have shape {actual.shape}; expected {expected.shape}")
    pairs = [(expected, actual), *shapes]
    spread = max(float(expected.std()), SMALLEST_SPREAD)
    parity = Parity(
        status="passed",
        reason=None,
        largest_difference=float(np.max([np.abs(left - right).max() for left, right in pairs])),
        noise=float(np.max([np.sqrt(np.mean((left - right) ** 2)) for left, right in pairs]) / spread),
        agreement=task.kept(expected, actual, margin=bounds.margin),
        f1_drop=_headline_drop(task, expected, actual, targets),
    )
    largest = float(np.max([np.abs(left).max() for left, _ in pairs]))
    unit = max(task.unit_of_outputs(expected), largest / USUAL_LOGIT)
    reason = _reason(parity, task=task, lossy=lossy, bounds=bounds, unit=unit)
    return replace(parity, status="failed", reason=reason) if reason else parity


def failed_parity(reason: str) -> Parity:
    """The finding for a file that could not even be compared; the reason is shipped, so its paths lose folders."""
    infinite = float("inf")
    return Parity(
        status="failed",
        reason=FOLDERS.sub("", reason),
        largest_difference=infinite,
        noise=infinite,
        agreement=0.0,
        f1_drop=1.0,
    )


def _both(reference: Forward, candidate: Forward, inputs: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    expected, actual = reference(inputs), candidate(inputs)
    if expected.shape != actual.shape:
        raise ValueError(f"logits of shape {actual.shape} for inputs of shape {next(iter(inputs.values())).shape}")
    return expected, actual


def _headline_drop(task: Task, expected: np.ndarray, actual: np.ndarray, targets: np.ndarray) -> float:
    """What the headline loses on the rows that have a label; 0 where none has."""
    labelled = task.has_target(targets)
    if not labelled.any():
        return 0.0
    before, after = (task.headline(targets[labelled], outputs[labelled]) for outputs in (expected, actual))
    return before - after if task.headline.higher_is_better else after - before


def _reason(parity: Parity, *, task: Task, lossy: bool, bounds: ParityBounds, unit: float) -> str | None:
    """What misses its bound first; `unit` is what a difference of outputs of 1 is measured in."""
    if not np.isfinite(parity.largest_difference):
        return "logits are not finite"
    if not lossy:
        largest = bounds.largest_difference * unit
        if parity.largest_difference > largest:
            return f"logits differ by {parity.largest_difference:.1e}; the bound is {largest:.0e}"
        return None
    smallest: float = getattr(bounds, task.kept_bound)
    if parity.agreement < smallest:
        return f"{parity.agreement:.2%} {task.kept_words}; the bound is {smallest * 100:g}%"
    if parity.f1_drop > bounds.largest_f1_drop:
        drop, bound = parity.f1_drop * 100, bounds.largest_f1_drop * 100
        return f"{task.headline.title} falls by {drop:.2f} points; the bound is {bound:.2f}"
    if parity.noise > bounds.largest_noise:
        return f"logits are off by {parity.noise:.2f} of their spread; the bound is {bounds.largest_noise:.2f}"
    return None
