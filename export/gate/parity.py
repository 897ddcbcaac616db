"""The gate between an exported file and its use: it must still compute what the model in memory computes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from encoders.encoder import Encoder
from export.runtimes.runtime import Forward, logits_of

ROWS = 256
EXAMPLE_ROWS = 64
SMALLEST_SPREAD = 1e-6
FOLDERS = re.compile(r"(?<![\w./])/(?:[^\s/'\",:;()]+/)+")  # all of an absolute path but its last name


@dataclass(frozen=True, kw_only=True)
class ParityBounds:
    """What a file may differ by; `largest_difference` is for lossless formats, the rest for lossy ones.

    `largest_noise` catches a file whose labels agree by chance: see `Parity`.
    """

    largest_difference: float = 1e-4
    largest_noise: float = 0.5
    smallest_agreement: float = 0.99
    largest_f1_drop: float = 0.005
    margin: float = 0.1


@dataclass(frozen=True, kw_only=True)
class Parity:
    """The gate's finding: `status` is passed or failed, `reason` says what failed first, none when nothing did.

    `noise` is the root mean square of the logits' differences over the standard deviation of the reference's logits on
    the rows: the largest of that on the rows, and on each shape.
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
    labels: np.ndarray,
    lossy: bool,
    bounds: ParityBounds,
) -> Parity:
    """Compare names, then shapes, then values over the encoder's shapes and the real `rows` that it encoded.

    Lossless: the largest difference of logits over all shapes and the first 256 rows. Lossy: label agreement over the
    rows whose reference margin exceeds the bound's, and the loss in macro-F1 against `labels`, over all rows; and the
    noise of every shape.
    """
    expected_names = [graph_input.name for graph_input in encoder.inputs]
    if sorted(candidate_inputs) != sorted(expected_names):
        return failed_parity(f"inputs are named {', '.join(candidate_inputs)}; expected {', '.join(expected_names)}")
    compared_rows = rows if lossy else rows[:ROWS]
    try:
        shapes = [
            _both(reference, candidate, encoder.example(shape, rows=rows[:EXAMPLE_ROWS])) for shape in encoder.shapes()
        ]
        expected, found = (logits_of(forward, encoder, compared_rows) for forward in (reference, candidate))
    except Exception as error:  # a runtime may raise anything for a shape that the file does not take
        return failed_parity(
            f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"
        )
    return compare(expected, found, labels[: len(compared_rows)], lossy=lossy, bounds=bounds, shapes=shapes)


def compare(
    expected: np.ndarray,
    found: np.ndarray,
    labels: np.ndarray,
    *,
    lossy: bool,
    bounds: ParityBounds,
    shapes: Sequence[tuple[np.ndarray, np.ndarray]] = (),
) -> Parity:
    """The finding for two arrays of logits (rows, classes) of the same rows.

    `shapes` holds pairs of such arrays of made-up inputs: they count for the largest difference, and the noisiest of
    them for the noise.
    """
    if expected.shape != found.shape:
        return failed_parity(f"logits have shape {found.shape}; expected {expected.shape}")
    pairs = [(expected, found), *shapes]
    spread = max(float(expected.std()), SMALLEST_SPREAD)
    parity = Parity(
        status="passed",
        reason=None,
        largest_difference=float(np.max([np.abs(one - other).max() for one, other in pairs])),
        noise=float(np.max([np.sqrt(np.mean((one - other) ** 2)) for one, other in pairs]) / spread),
        agreement=agreement_of(expected, found, bounds.margin),
        f1_drop=_f1_drop(expected, found, labels),
    )
    reason = _reason(parity, lossy=lossy, bounds=bounds)
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
    expected, found = reference(inputs), candidate(inputs)
    if expected.shape != found.shape:
        raise ValueError(f"logits of shape {found.shape} for inputs of shape {next(iter(inputs.values())).shape}")
    return expected, found


def agreement_of(expected: np.ndarray, found: np.ndarray, margin: float) -> float:
    """The share of equal labels, of the rows whose two highest probabilities lie more than `margin` apart."""
    probabilities = np.exp(expected - expected.max(axis=1, keepdims=True))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    second, first = np.sort(probabilities, axis=1)[:, -2:].T
    sure = first - second > margin
    return float((expected.argmax(axis=1) == found.argmax(axis=1))[sure].mean()) if sure.any() else 1.0


def _f1_drop(expected: np.ndarray, found: np.ndarray, labels: np.ndarray) -> float:
    from sklearn.metrics import f1_score

    before, after = (f1_score(labels, logits.argmax(axis=1), average="macro") for logits in (expected, found))
    return float(before - after)


def _reason(found: Parity, *, lossy: bool, bounds: ParityBounds) -> str | None:
    if not np.isfinite(found.largest_difference):
        return "logits are not finite"
    if not lossy:
        if found.largest_difference > bounds.largest_difference:
            return f"logits differ by {found.largest_difference:.1e}; the bound is {bounds.largest_difference:.0e}"
        return None
    if found.agreement < bounds.smallest_agreement:
        return f"{found.agreement:.2%} of the sure labels agree; the bound is {bounds.smallest_agreement:.0%}"
    if found.f1_drop > bounds.largest_f1_drop:
        return f"macro-F1 falls by {found.f1_drop * 100:.2f} points; the bound is {bounds.largest_f1_drop * 100:.2f}"
    if found.noise > bounds.largest_noise:
        return f"logits are off by {found.noise:.2f} of their spread; the bound is {bounds.largest_noise:.2f}"
    return None
