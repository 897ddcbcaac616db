"""Labels rows with a teacher, through whichever of its passed bundles is fastest here."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from encoders.encoder import Encoder
from encoders.token_rows import TokenRows
from export.bundle import Bundle
from export.runtimes import RUNTIMES
from export.runtimes.runtime import Runtime, logits_of
from materials.errors import RequestError

Report = Callable[[int, int], None]
SAMPLE_ROWS = 128
COMMON_LENGTH, COMMON_BATCH = 128, 32


@dataclass(frozen=True, kw_only=True)
class Labelling:
    """Logits for all rows, which format made them, and its rate beside the common way's on the same sample.

    The common way is eager fp32 in batches of 32, each padded to 128 tokens where the rows are texts.
    """

    logits: np.ndarray
    format: str
    threads: int
    rows_per_second: float
    sample_rows: int
    sample_rows_per_second: dict[str, float]
    common_rows_per_second: float
    agreement_with_common: float


def label_rows(bundles: Sequence[Bundle], texts: Sequence[str], *, report: Report) -> Labelling:
    """Run the teacher's fastest passed bundle over `texts`. `bundles` holds its eager fp32 bundle.

    All candidates use as many threads as torch does in this process.
    """
    import torch

    threads = torch.get_num_threads()
    sound = _sound(bundles)
    encoder = sound["eager"].encoder()
    encoded = encoder.encode(texts)
    step = max(1, len(encoded) // SAMPLE_ROWS)
    sample = encoded[::step][:SAMPLE_ROWS]
    runtimes = {name: RUNTIMES[bundle.runtime](bundle, threads) for name, bundle in sound.items()}
    ways = {name: partial(logits_of, runtime, encoder, sample) for name, runtime in runtimes.items()}
    rates = {name: _rate(way, len(sample)) for name, way in ways.items()}
    common = partial(_common_way, runtimes["eager"], encoder, sample)
    common_rate = _rate(common, len(sample))
    fastest = max(rates, key=rates.__getitem__)
    began = time.perf_counter()
    logits = logits_of(runtimes[fastest], encoder, encoded, report=report)
    return Labelling(
        logits=logits,
        format=fastest,
        threads=threads,
        rows_per_second=len(encoded) / (time.perf_counter() - began),
        sample_rows=len(sample),
        sample_rows_per_second=rates,
        common_rows_per_second=common_rate,
        agreement_with_common=_agreement(logits[::step][:SAMPLE_ROWS], common()),
    )


def _sound(bundles: Sequence[Bundle]) -> dict[str, Bundle]:
    """The bundles by format that passed the gate. Raises RequestError when the eager one did not."""
    sound = {bundle.format: bundle for bundle in bundles if bundle.parity["status"] in ("passed", "reference")}
    if "eager" not in sound:
        raise RequestError("the teacher's own checkpoint failed the parity gate, so its logits cannot be trusted")
    return sound


def _agreement(one: np.ndarray, other: np.ndarray) -> float:
    """The share of rows that both logits (rows, labels) give the same label."""
    return float((one.argmax(axis=1) == other.argmax(axis=1)).mean())


def _rate(run: Callable[[], object], rows: int) -> float:
    """Rows a second, the better of two passes: the first also warms the runtime up for each shape."""
    seconds = []
    for _ in range(2):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    return rows / min(seconds)


def _common_way(runtime: Runtime, encoder: Encoder, sample: Any) -> np.ndarray:
    """Logits of the rows in the order they come, 32 at a time, all padded to 128 tokens, or the longest if longer."""
    length = max(COMMON_LENGTH, int(sample.lengths.max())) if isinstance(sample, TokenRows) else None
    starts = range(0, len(sample), COMMON_BATCH)
    return np.concatenate(
        [runtime(encoder.pad(sample[start : start + COMMON_BATCH], length=length)) for start in starts]
    )
