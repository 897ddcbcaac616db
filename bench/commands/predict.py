"""The command `predict`: a bundle's answers for texts, pairs of texts or image files."""

import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from bench.reports.screen import Screen
from export.memory import limited_memory
from export.predictor import Prediction, Predictor
from materials.errors import RequestError

LINES_AT_ONCE = {"text": 256, "pair": 256, "image": 32}
BETWEEN = "\t"
UNSURE = "unsure: ask the teacher"
NOTHING = "-"  # where no label is given, so that a line always has as many fields


def predict_items(
    folder: Path, items: Sequence[str], *, all_labels: bool, threads: int, allow_code: bool = False
) -> None:
    """Print one line an item: what the model says, its probability (or every label's), and the item.

    Where the bundle says from which probability on it answers alone, a last field marks the items for its teacher.

    Items are texts, pairs of texts with a tab between them, or paths of image files; without any, they are the lines of
    standard input.
    """
    with limited_memory(folder):
        _predict_items(Predictor(folder, threads=threads, allow_code=allow_code), items, all_labels)


def _predict_items(predictor: Predictor, items: Sequence[str], all_labels: bool) -> None:
    folder = predictor.bundle.folder
    if predictor.bundle.parity["status"] == "failed":
        Screen().notice(f"{folder} failed its parity gate ({predictor.bundle.parity['reason']}); do not rely on it")
    lines = iter(items) if items else _lines_of_standard_input()
    modality = predictor.bundle.modality
    at_once = 1 if sys.stdin.isatty() else LINES_AT_ONCE[modality]
    while chunk := list(islice(lines, at_once)):
        predictions = predictor.predict([_item(line, modality) for line in chunk])
        for line, prediction in zip(chunk, predictions, strict=True):
            mark = f"{BETWEEN}{UNSURE}" if prediction.is_unsure else ""
            text = " ".join(line.split())
            print(f"{prediction.label or NOTHING}\t{_sureness(prediction, all_labels)}\t{text}{mark}")
        sys.stdout.flush()


def _item(line: str, modality: str) -> Any:
    """A line as the model reads it. Raises RequestError for a line that is no pair where one is expected."""
    if modality != "pair":
        return line
    texts = line.split(BETWEEN)
    if len(texts) != 2:
        raise RequestError(f"the model reads pairs of texts; expected two with a tab between them, got {line!r:.60}")
    return texts[0], texts[1]


def _sureness(prediction: Prediction, all_labels: bool) -> str:
    if all_labels and prediction.probabilities:
        return BETWEEN.join(f"{name}={value:.4f}" for name, value in prediction.probabilities.items())
    return NOTHING if prediction.probability is None else f"{prediction.probability:.4f}"


def _lines_of_standard_input() -> Iterator[str]:
    for number, line in enumerate(sys.stdin.buffer, 1):
        try:
            yield line.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError:
            raise RequestError(f"line {number} of standard input is not UTF-8; convert it first") from None
