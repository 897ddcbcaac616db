"""Adds the file that takes texts to a bundle, if it computes what the bundle's model and tokenizer compute."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from export.bundle import Bundle, read_bundle, write_bundle
from export.predictor import Predictor, probabilities_of
from export.text_characters import CharacterRules
from export.text_graph import INPUT, PROBABILITIES, write_text_graph
from materials.errors import RequestError
from materials.files import new_file

TEXT_MODEL = "model-text.onnx"
BOUND = 1e-4
BATCH_SIZES = (1, 2, 7, 64)
BATCHES = 32
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
    """What the gate found: the rows compared, the largest difference of a probability, and the rows outside.

    A row is outside when the graph is known not to read its characters as the tokenizer does; `first_outside` is the
    first such text, none without one. Such rows may differ by `largest_difference_outside`.
    """

    rows_compared: int
    largest_difference: float
    rows_outside: int
    largest_difference_outside: float
    first_outside: str | None


def add_text_graph(folder: Path, texts: Sequence[str]) -> TextGraphCheck:
    """Write model-text.onnx into a bundle's folder, unless probabilities of `texts` differ by more than 1e-4.

    Raises RequestError when they do, when the bundle's tokenizer has no operators, and without onnxruntime-extensions.
    """
    bundle = read_bundle(folder)
    extensions_library()
    with new_file(folder / TEXT_MODEL) as temporary:
        rules = write_text_graph(bundle, temporary)
        check = check_text_graph(bundle, temporary, rules, texts)
    write_bundle(bundle)
    return check


def check_text_graph(bundle: Bundle, file: Path, rules: CharacterRules, texts: Sequence[str]) -> TextGraphCheck:
    """Compare a file's probabilities with those of the bundle: texts of all lengths, in batches of 1, 2, 7 and 64.

    At most 32 batches of each size. Raises RequestError for the first text beyond the bound.
    """
    expected, found = _ordinary_way(bundle), _open(file)
    tokenizer = bundle.encoder().tokenizer
    outside = [text for text in texts if is_outside(tokenizer, rules, text)]
    inside = [text for text in texts if not is_outside(tokenizer, rules, text)]
    batches = [[text] for text in UNUSUAL] + [[*UNUSUAL, *inside[:7]]] + _batches(inside)
    differences = [_difference(expected, found, batch) for batch in batches]
    for batch, difference in zip(batches, differences, strict=True):
        if not difference.max() <= BOUND:
            worst = int(np.nanargmax(np.nan_to_num(difference, nan=np.inf)))
            raise RequestError(
                f"the file made from {bundle.folder} that takes texts is not kept: a probability differs by "
                f"{difference[worst]:.1e} (the bound is {BOUND:.0e}) for the text {_shown(batch[worst])}"
            )
    return TextGraphCheck(
        rows_compared=min(len(inside), BATCHES * max(BATCH_SIZES)),
        largest_difference=float(max(difference.max() for difference in differences)),
        rows_outside=len(outside),
        largest_difference_outside=max(
            (float(_difference(expected, found, batch).max()) for batch in _split(outside, 64)), default=0.0
        ),
        first_outside=outside[0] if outside else None,
    )


def is_outside(tokenizer: Tokenizer, rules: CharacterRules, text: str) -> bool:
    """Whether the graph is known to read a text in its own way.

    So it is where characters are normalised together that no table has, and where a text holds a zero character or,
    word for word, one of the tokenizer's own tokens, such as [SEP].
    """
    special = [one.content for one in tokenizer.get_added_tokens_decoder().values()]
    if "\0" in text or any(one in text for one in special):
        return True
    return bool(tokenizer.normalizer) and rules.normalized(text) != tokenizer.normalizer.normalize_str(text)


def extensions_library() -> str:
    """The path of the operators' library. Raises RequestError when onnxruntime-extensions is not installed."""
    try:
        import onnxruntime_extensions
    except ImportError:
        raise RequestError(
            "a file that takes texts needs the package onnxruntime-extensions; install distilbench with its extra "
            "'text-graph'"
        ) from None
    return onnxruntime_extensions.get_library_path()


def _ordinary_way(bundle: Bundle) -> Probabilities:
    """The tokenizer and the model, on whole batches as they are: int8 activations depend on what else is in one."""
    predictor = Predictor(bundle.folder)

    def probabilities(texts: Sequence[str]) -> np.ndarray:
        return probabilities_of(predictor.runtime(predictor.encoder.pad(predictor.encoder.encode(texts))))

    return probabilities


def _open(file: Path) -> Probabilities:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.register_custom_ops_library(extensions_library())
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    return lambda texts: session.run([PROBABILITIES], {INPUT: np.array(texts, dtype=object)})[0]


def _batches(texts: Sequence[str]) -> list[list[str]]:
    return [batch for size in BATCH_SIZES for batch in _split(texts, size)[:BATCHES]]


def _split(texts: Sequence[str], size: int) -> list[list[str]]:
    return [list(texts[start : start + size]) for start in range(0, len(texts), size)]


def _difference(expected: Probabilities, found: Probabilities, texts: Sequence[str]) -> np.ndarray:
    """The largest difference of a probability for each text, (texts,)."""
    return np.abs(expected(texts) - found(texts)).max(axis=1)


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:60] + "…")
