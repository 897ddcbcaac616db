"""Adds the file that takes texts to a bundle, if it computes what the bundle's model and tokenizer compute."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from export.bundle import Bundle, read_bundle, write_bundle
from export.from_text.graph import INPUT, OLDEST_OPSET, PROBABILITIES, write_text_graph
from export.from_text.outside import outside_of
from export.from_text.session import extensions_library, open_session
from export.gate.parity import ParityBounds
from materials.errors import RequestError
from materials.files import new_file
from materials.tasks.single_label import SingleLabel, softmax

TEXT_MODEL = "model-text.onnx"
BATCH_SIZES = (1, 2, 7, 64)
BATCHES = 16
UNUSUAL = (
    "",
    "   ",
    "\t one \n\n two\r\n",
    "rain 🌧 and 👩‍👩‍👧 and ☂️",
    "雨の日の映画 비 오는 날 雨天的电影",
    "DON'T they've 'S ''' n't N'T _x_ 3.5% (a)-b",
    "caf\u00e9 cafe\u0301 \u00a1\u00c9l!\u2026 \u201cx\u201d \u2014 \ufb01ve\u00a0\u00bd \u0130 \u03a3",
    "word " * 20_000,
    "x" * 5_000,
)
Probabilities = Callable[[Sequence[str]], np.ndarray]


@dataclass(frozen=True, kw_only=True)
class TextGraphCheck:
    """What the gate found. `rows_compared` of the given texts were in batches; `largest_difference` is of these.

    A row is outside when the graph is known not to read its characters as the tokenizer does; `first_outside` is the
    first such text, or none. `agreement` is the share of equal labels over all other rows that the bundle is sure of.
    It may be below 1 for a lossy model, whose numbers depend on how ONNX Runtime joins operators.
    """

    rows_compared: int
    largest_difference: float
    agreement: float
    rows_outside: int
    largest_difference_outside: float
    first_outside: str | None


def add_text_graph(folder: Path, texts: Sequence[str]) -> TextGraphCheck:
    """Write model-text.onnx into a bundle's folder and list it there, unless the gate refuses it.

    `texts` are real ones to compare on. Raises RequestError when the gate does, when the bundle's tokenizer has no
    operators, and without onnxruntime-extensions.
    """
    bundle = read_bundle(folder)
    extensions_library()
    with new_file(folder / TEXT_MODEL) as temporary:
        write_text_graph(bundle, temporary)
        check = check_text_graph(bundle, temporary, texts)
    write_bundle(bundle)
    return check


def check_can_take_texts(opset: int) -> None:
    """Raise RequestError for an opset without operators for texts, or without onnxruntime-extensions."""
    if opset < OLDEST_OPSET:
        raise RequestError(f"a file that takes texts needs opset {OLDEST_OPSET} or a later one; got {opset}")
    extensions_library()


def check_text_graph(bundle: Bundle, file: Path, texts: Sequence[str]) -> TextGraphCheck:
    """Compare a file's probabilities with those of the bundle, in up to 16 batches of 1, 2, 7 and 64 texts.

    They may differ by 1e-4. A lossy model is compared before ONNX Runtime fuses operators, which turns the last bit of
    a float into another int8 number; after that its labels must agree. Raises RequestError where they do not.
    """
    bounds = ParityBounds()
    is_outside = outside_of(bundle)
    texts_inside, texts_outside = ([text for text in texts if is_outside(text) == side] for side in (False, True))
    classifiers = _both_ways(bundle, file, fused=bundle.precision == "fp32")
    batches = [[text] for text in UNUSUAL] + [[*UNUSUAL, *texts_inside[:7]]] + _batches(texts_inside)
    largest = max(_difference(*classifiers, batch, bound=bounds.largest_difference) for batch in batches)
    agreement = 1.0
    if bundle.precision != "fp32":
        agreement = _agreement(*_both_ways(bundle, file, fused=True), texts_inside, bounds.margin)
    if agreement < bounds.smallest_agreement:
        raise RequestError(
            f"the file that takes texts is not kept: {agreement:.2%} of its sure labels are those of {bundle.folder}; "
            f"the bound is {bounds.smallest_agreement:.0%}"
        )
    return TextGraphCheck(
        rows_compared=min(len(texts_inside), BATCHES * max(BATCH_SIZES)),
        largest_difference=largest,
        agreement=agreement,
        rows_outside=len(texts_outside),
        largest_difference_outside=max(
            (_difference(*classifiers, batch) for batch in _split(texts_outside, 64)), default=0.0
        ),
        first_outside=texts_outside[0] if texts_outside else None,
    )


def _both_ways(bundle: Bundle, file: Path, *, fused: bool) -> tuple[Probabilities, Probabilities]:
    """The bundle's tokenizer and model, and the file; both take whole batches, as int8 scales depend on the batch."""
    encoder = bundle.encoder()
    bundle_session, file_session = open_session(bundle.model_path, fused=fused), open_session(file, fused=fused)

    def by_bundle(texts: Sequence[str]) -> np.ndarray:
        return softmax(bundle_session.run(None, encoder.pad(encoder.encode(texts)))[0])

    def by_file(texts: Sequence[str]) -> np.ndarray:
        return file_session.run([PROBABILITIES], {INPUT: np.array(texts, dtype=object)})[0]

    return by_bundle, by_file


def _batches(texts: Sequence[str]) -> list[list[str]]:
    return [batch for size in BATCH_SIZES for batch in _split(texts, size)[:BATCHES]]


def _split(texts: Sequence[str], size: int) -> list[list[str]]:
    return [list(texts[start : start + size]) for start in range(0, len(texts), size)]


def _difference(
    by_bundle: Probabilities, by_file: Probabilities, texts: Sequence[str], *, bound: float = np.inf
) -> float:
    """The largest difference of a probability. Raises RequestError for the first text beyond the bound."""
    differences = np.abs(by_bundle(texts) - by_file(texts)).max(axis=1)
    is_beyond = ~(differences <= bound)
    if is_beyond.any() and np.isfinite(bound):
        first_row = int(is_beyond.argmax())
        text = texts[first_row] if len(texts[first_row]) <= 60 else texts[first_row][:60] + "…"
        raise RequestError(
            f"the file that takes texts is not kept: a probability differs by {differences[first_row]:.1e} from the "
            f"bundle's (the bound is {bound:.0e}) for the text {text!r}"
        )
    return float(differences.max())


def _agreement(by_bundle: Probabilities, by_file: Probabilities, texts: Sequence[str], margin: float) -> float:
    if not texts:
        return 1.0
    batches = _split(texts, max(BATCH_SIZES))
    logits = [np.log(np.concatenate([classify(batch) for batch in batches])) for classify in (by_bundle, by_file)]
    return SingleLabel().kept(logits[0], logits[1], margin=margin)
