"""Labels rows with a teacher, through the fastest of its sound files that is close enough to the eager one."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from encoders.encoder import Encoder
from encoders.token_rows import TokenRows
from export.bundle import Bundle
from export.runtimes import RUNTIMES
from export.runtimes.runtime import Runtime, logits_of
from materials.errors import RequestError, in_one_line, why_not_written
from materials.files import read_json_object
from materials.modalities import Item
from materials.positions import most_positions
from materials.report import Report
from training.outputs import Outputs

SAMPLE_ROWS, JUDGED_ROWS = 128, 1024
COMMON_LENGTH, COMMON_BATCH = 128, 32
SMALLEST_AGREEMENT = 0.995  # stricter than for shipping: what students learn from, they cannot unlearn
EAGER = "eager"


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which file labels, in which precision, and why: rates on a sample, agreement with the eager file on more rows.

    The common way is eager fp32 in batches of 32, each padded to 128 tokens where the rows are texts. `refused` says of
    faster files why they do not label.
    """

    format: str
    precision: str
    threads: int
    sample_rows: int
    sample_rows_per_second: Mapping[str, float]
    common_rows_per_second: float
    common_length_tokens: int | None
    agreement_with_common: float
    judged_rows: int
    agreement_with_eager: float
    refused: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Labelling:
    """The outputs for all rows, and how fast they were computed."""

    outputs: Outputs
    format: str
    precision: str
    threads: int
    rows_per_second: float


def choose_labeller(bundles: Mapping[str, Bundle], items: Sequence[Item], *, device: str = "cpu") -> Choice:
    """The fastest of a teacher's sound files, by format, whose decisions on the items are those of the eager one.

    Speed is taken on 128 of the items, agreement on 1,024, both from all over them; all candidates use as many threads
    as torch does in this process. Raises RequestError when the eager file is not sound.
    """
    import torch

    threads, sound = torch.get_num_threads(), _sound(bundles)
    encoder, task = sound[EAGER].encoder(), sound[EAGER].task
    judged = encoder.encode(_spread(items, JUDGED_ROWS))
    sample = encoder.encode(_spread(items, SAMPLE_ROWS))
    runtimes, rates, refused = _timed(sound, sample, threads, device)
    faster = fastest_first(rates)[:-1]
    format, agreement = EAGER, 1.0
    expected = logits_of(runtimes[EAGER], encoder, judged) if faster else np.zeros(0)
    for candidate in faster:
        outputs = logits_of(runtimes[candidate], encoder, judged)
        alike = task.teaches_alike(expected, outputs) if np.isfinite(outputs).all() else 0.0
        if alike >= SMALLEST_AGREEMENT:
            format, agreement = candidate, alike
            break
        refused[candidate] = (
            f"it agrees with the eager file by {alike:.2%}; the bound for labels is {SMALLEST_AGREEMENT:.1%}"
        )
    common_length = _common_length(sound[EAGER], sample)
    common = partial(_common_way, runtimes[EAGER], encoder, sample, common_length)
    return Choice(
        format=format,
        precision=sound[format].precision,
        threads=threads,
        sample_rows=len(sample),
        sample_rows_per_second=rates,
        common_rows_per_second=_rate(common, sample),
        common_length_tokens=common_length,
        agreement_with_common=task.agreement(logits_of(runtimes[format], encoder, sample), common()),
        judged_rows=len(judged),
        agreement_with_eager=agreement,
        refused=refused,
    )


def labels_as_eager(bundles: Mapping[str, Bundle], format: str, items: Sequence[Item], *, device: str = "cpu") -> bool:
    """Whether a file may label in place of the eager one, by 1,024 of the items; a file in full precision always may.

    Its gate holds that one's outputs closer than labels need.
    """
    import torch

    if bundles[format].precision == "fp32":
        return True
    encoder, task = bundles[EAGER].encoder(), bundles[EAGER].task
    judged = encoder.encode(_spread(items, JUDGED_ROWS))
    eager, other = (
        logits_of(RUNTIMES[bundle.runtime](bundle, torch.get_num_threads(), device), encoder, judged)
        for bundle in (bundles[EAGER], bundles[format])
    )
    return bool(np.isfinite(other).all()) and task.teaches_alike(eager, other) >= SMALLEST_AGREEMENT


def fastest_first(rates: Mapping[str, float]) -> list[str]:
    """The formats by their rates; the eager one comes last, as nothing need be slower than it."""
    faster = [format for format, rate in rates.items() if format != EAGER and rate > rates[EAGER]]
    return [*sorted(faster, key=rates.__getitem__, reverse=True), EAGER]


def label_items(
    bundles: Mapping[str, Bundle],
    choice: Choice,
    items: Sequence[Item],
    *,
    report: Report,
    device: str = "cpu",
    encode: Callable[[Encoder, Sequence[Item]], Any] = lambda encoder, items: encoder.encode(items),
) -> Labelling:
    """Run the chosen file over the items, which `encode` may read from a store, or as views of them.

    Raises RequestError where an output is no number.
    """
    bundle = bundles[choice.format]
    runtime, encoder = RUNTIMES[bundle.runtime](bundle, choice.threads, device), bundle.encoder()
    encoded = encode(encoder, items)
    began = time.perf_counter()
    logits = logits_of(runtime, encoder, encoded, report=report)
    if unsound_rows := int((~np.isfinite(logits).all(axis=1)).sum()):
        raise RequestError(
            f"the teacher as {choice.format} gives outputs that are no numbers for {unsound_rows:,} of "
            f"{len(encoded):,} rows, from which no student can learn"
        )
    return Labelling(
        outputs=Outputs(logits=logits),
        format=choice.format,
        precision=choice.precision,
        threads=choice.threads,
        rows_per_second=len(encoded) / (time.perf_counter() - began),
    )


def _sound(bundles: Mapping[str, Bundle]) -> dict[str, Bundle]:
    """The bundles by format that passed the gate. Raises RequestError when the eager one did not."""
    sound = {format: bundle for format, bundle in bundles.items() if bundle.parity["status"] in ("passed", "reference")}
    if EAGER not in sound:
        raise RequestError("the teacher's own checkpoint failed the parity gate, so its outputs cannot be trusted")
    return sound


def _timed(
    bundles: Mapping[str, Bundle], sample: Any, threads: int, device: str
) -> tuple[dict[str, Runtime], dict[str, float], dict[str, str]]:
    """The loaded files and their rates by format, and why others do not run here, which the eager one must."""
    encoder = bundles[EAGER].encoder()
    runtimes: dict[str, Runtime] = {}
    rates: dict[str, float] = {}
    refused: dict[str, str] = {}
    for format, bundle in bundles.items():
        try:
            runtime = RUNTIMES[bundle.runtime](bundle, threads, device)
            rates[format] = _rate(partial(logits_of, runtime, encoder, sample), sample)
            runtimes[format] = runtime
        except Exception as error:  # a runtime may raise anything for a device or an instruction it does not have
            if format == EAGER or why_not_written(error):
                raise
            refused[format] = in_one_line(error)
    return runtimes, rates, refused


def _spread(items: Sequence[Item], count: int) -> list[Item]:
    """At most `count` of the items, from all over them."""
    return [items[number] for number in np.linspace(0, len(items) - 1, min(count, len(items))).astype(np.int64)]


def _rate(run: Callable[[], object], rows: Any) -> float:
    """Rows a second, the better of two passes: the first also warms the runtime up for each shape."""
    seconds = []
    for _ in range(2):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    return len(rows) / min(seconds)


def _common_length(bundle: Bundle, sample: Any) -> int | None:
    """The tokens that all rows are padded to: 128, the longest row if longer, or what the model can take if less."""
    if not isinstance(sample, TokenRows):
        return None
    longest_row = int(sample.lengths.max())
    most = most_positions(read_json_object(bundle.folder / "config.json"))
    return max(min(COMMON_LENGTH, most), longest_row)


def _common_way(runtime: Runtime, encoder: Encoder, sample: Any, length: int | None) -> np.ndarray:
    """Outputs of the rows in the order they come, 32 at a time, all padded to the same length."""
    starts = range(0, len(sample), COMMON_BATCH)
    return np.concatenate(
        [runtime(encoder.pad(sample[start : start + COMMON_BATCH], length=length)) for start in starts]
    )
