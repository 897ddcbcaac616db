"""The gate between an exported file and its use: it must still compute what the model in memory computes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from export.example import example_inputs
from export.runtime import Forward, logits_of
from training.text_encoder import TextEncoder
from training.token_rows import TokenRows

BATCH_SIZES = (1, 2, 7)
LENGTHS = (1, 2, 17)
ROWS = 256


@dataclass(frozen=True, kw_only=True)
class ParityBounds:
    """What a file may differ by; `largest_difference` is for lossless formats, the rest for lossy ones."""

    largest_difference: float = 1e-4
    smallest_agreement: float = 0.99
    largest_f1_drop: float = 0.005
    margin: float = 0.1


@dataclass(frozen=True, kw_only=True)
class Parity:
    """The gate's finding: `status` is passed or failed, `reason` says what failed first, none when nothing did."""

    status: str
    reason: str | None
    largest_difference: float
    agreement: float
    f1_drop: float


def check_parity(
    reference: Forward,
    candidate: Forward,
    candidate_inputs: Sequence[str],
    *,
    encoder: TextEncoder,
    rows: TokenRows,
    labels: np.ndarray,
    lossy: bool,
    bounds: ParityBounds,
) -> Parity:
    """Compare names, then shapes, then values over several batch sizes and lengths and the real `rows`.

    Lossless: the largest difference of logits over all shapes and the first 256 rows. Lossy: label agreement over the
    rows whose reference margin exceeds the bound's, and the loss in macro-F1 against `labels`, over all rows.
    """
    expected_names = [graph_input.name for graph_input in encoder.inputs]
    if sorted(candidate_inputs) != sorted(expected_names):
        return failed_parity(f"inputs are named {', '.join(candidate_inputs)}; expected {', '.join(expected_names)}")
    compared_rows = rows if lossy else rows[:ROWS]
    try:
        differences = [_difference(reference, candidate, inputs) for inputs in _shapes(encoder, rows)]
        expected, found = (logits_of(forward, encoder, compared_rows) for forward in (reference, candidate))
    except Exception as error:  # a runtime may raise anything for a shape that the file does not take
        return failed_parity(
            f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"
        )
    if expected.shape != found.shape:
        return failed_parity(f"logits have shape {found.shape}; expected {expected.shape}")
    largest = float(np.max([*differences, np.abs(expected - found).max()]))
    agreement = agreement_of(expected, found, bounds.margin)
    drop = _f1_drop(expected, found, labels[: len(compared_rows)])
    reason = _reason(largest, agreement, drop, lossy=lossy, bounds=bounds)
    return Parity(
        status="failed" if reason else "passed",
        reason=reason,
        largest_difference=largest,
        agreement=agreement,
        f1_drop=drop,
    )


def failed_parity(reason: str) -> Parity:
    """The finding for a file that could not even be compared."""
    return Parity(status="failed", reason=reason, largest_difference=float("inf"), agreement=0.0, f1_drop=1.0)


def _shapes(encoder: TextEncoder, rows: TokenRows) -> list[dict[str, np.ndarray]]:
    lengths = sorted({*(length for length in LENGTHS if length < encoder.max_length_tokens), encoder.max_length_tokens})
    return [
        example_inputs(encoder, batch=batch, length=length, rows=rows[:64])
        for batch in BATCH_SIZES
        for length in lengths
    ]


def _difference(reference: Forward, candidate: Forward, inputs: Mapping[str, np.ndarray]) -> float:
    expected, found = reference(inputs), candidate(inputs)
    if expected.shape != found.shape:
        raise ValueError(f"logits of shape {found.shape} for inputs of shape {next(iter(inputs.values())).shape}")
    return float(np.abs(expected - found).max())


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


def _reason(largest: float, agreement: float, drop: float, *, lossy: bool, bounds: ParityBounds) -> str | None:
    if not np.isfinite(largest):
        return "logits are not finite"
    if not lossy:
        if largest > bounds.largest_difference:
            return f"logits differ by {largest:.1e}; the bound is {bounds.largest_difference:.0e}"
        return None
    if agreement < bounds.smallest_agreement:
        return f"{agreement:.2%} of the sure labels agree; the bound is {bounds.smallest_agreement:.0%}"
    if drop > bounds.largest_f1_drop:
        return f"macro-F1 falls by {drop * 100:.2f} points; the bound is {bounds.largest_f1_drop * 100:.2f}"
    return None
