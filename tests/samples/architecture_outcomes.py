"""What comes of exporting an architecture: passed, unfit, refused or failed, and why; crashed or wrong is a fault."""

import json
import os
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tiny_architectures import Architecture, NotBuilt, Reference, items_of, save_architecture

FORMATS = ("onnx", "onnx-int8", "torchscript")
ROWS, COMPARED, FIRST_COMPARED = 64, 24, 5_000
LIMIT_SECONDS = 240
MARGIN, MOST_NOISE = 0.1, 0.6
MOST_FLIPPED = 4  # of 24: a gate of 32 rows without one lets 9 % pass at most (95 %), and then 4 come in 19 of 20 tries


def outcome_of(architecture: Architecture, file: Path, formats: Sequence[str] = FORMATS) -> dict[str, Any]:
    """The line of an architecture in a JSONL file, which is worked out and added where these formats are not there yet.

    The work is done in a process of its own, which is ended after 240 seconds.
    """
    known = read_outcomes(file)
    if not set(formats) <= set(known.get(architecture.name, {}).get("formats", ())):
        line = json.dumps(_in_a_child(architecture, formats))
        with file.open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")
        known = read_outcomes(file)
    return known[architecture.name]


def read_outcomes(file: Path) -> dict[str, dict[str, Any]]:
    """The lines of a JSONL file by the architectures' names; a later line takes the place of an earlier one."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return {outcome["name"]: outcome for outcome in map(json.loads, lines)}


def _in_a_child(architecture: Architecture, formats: Sequence[str]) -> dict[str, Any]:
    """The outcome from a process that has imported what is slow to import once for all architectures."""
    import multiprocessing

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["warm_start"])
    started = time.perf_counter()
    with TemporaryDirectory(prefix="architecture-") as folder:
        answer = Path(folder) / "outcome.json"
        child = context.Process(target=_work, args=(architecture, Path(folder), formats))
        child.start()
        child.join(LIMIT_SECONDS)
        if child.is_alive():
            child.kill()
            child.join()
            reason = f"no answer in {LIMIT_SECONDS} s"
        else:
            reason = f"its process ended with code {child.exitcode}"
        if answer.exists():
            outcome = json.loads(answer.read_text(encoding="utf-8"))
        else:
            outcome = {"parameters": None, "formats": dict.fromkeys(formats, _of("crashed", reason))}
    seconds = round(time.perf_counter() - started, 1)
    return {"name": architecture.name, **outcome, "seconds": seconds}


def exported_quietly(architecture: Architecture, folder: Path, formats: Sequence[str] = FORMATS) -> dict[str, Any]:
    """The same as `exported` on one thread, without a word on the screen."""
    import torch
    from transformers.utils import logging

    torch.set_num_threads(1)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    with (folder / "log.txt").open("w") as log, redirect_stdout(log), redirect_stderr(log):
        return exported(architecture, folder, formats)


def _work(architecture: Architecture, folder: Path, formats: Sequence[str]) -> None:
    outcome = exported_quietly(architecture, folder, formats)
    unfinished = folder / "outcome.unfinished"
    unfinished.write_text(json.dumps(outcome), encoding="utf-8")
    unfinished.rename(folder / "outcome.json")
    sys.stdout.flush()
    os._exit(0)  # libraries that were imported before the process was forked may hang as they end


def exported(architecture: Architecture, folder: Path, formats: Sequence[str] = FORMATS) -> dict[str, Any]:
    """Build, export and compare in this process; `folder` is filled."""
    try:
        parameters = save_architecture(architecture, folder / "model")
    except NotBuilt as reason:
        return {"parameters": None, "formats": dict.fromkeys(formats, _of("unfit", f"transformers: {reason}"))}
    try:
        refusal = _export(architecture, folder, formats)
    except Exception as error:  # which is what the sweep looks for
        where = traceback.extract_tb(error.__traceback__)[-1]
        reason = f"{type(error).__name__}: {' '.join(str(error).split())} ({Path(where.filename).name})"
        return {"parameters": parameters, "formats": dict.fromkeys(formats, _of("crashed", reason))}
    reference = Reference(architecture, folder / "model")
    items = items_of(architecture.kind, COMPARED, FIRST_COMPARED)
    expected = reference(items)
    results = {}
    for format in formats:
        place = folder / "out" / format
        results[format] = _compared(place, items, expected) if place.exists() else _of("refused", refusal)
    return {"parameters": parameters, "formats": results}


def _export(architecture: Architecture, folder: Path, formats: Sequence[str]) -> str | None:
    """Export to all formats with real rows to judge on, as the command does; the sentence of a refusal."""
    from bench.commands.export import ExportOrder, export_model
    from materials.errors import RequestError

    try:
        export_model(
            ExportOrder(
                place=folder / "model",
                formats=",".join(formats),
                output=folder / "out",
                data=_write_rows(architecture.kind, folder / "rows"),
            )
        )
    except RequestError as sentence:
        return str(sentence).replace(str(folder / "model"), "MODEL")
    return None


def _write_rows(kind: str, folder: Path) -> Path:
    import pandas as pd

    folder.mkdir()
    items = items_of(kind, ROWS)
    if kind == "image":
        from PIL import Image

        for number, pixels in enumerate(items):
            Image.fromarray(pixels).save(folder / f"{number}.png")
        items = [str(folder / f"{number}.png") for number in range(len(items))]
    file = folder / "rows.csv"
    pd.DataFrame({kind: items}).to_csv(file, index=False)
    return file


def _compared(place: Path, items: list[Any], expected: Any) -> dict[str, Any]:
    """Whether a bundle passed its gate, and if so, whether it answers one item at a time as transformers does."""
    import numpy as np

    from export.bundle import read_bundle
    from export.formats import EXPORTERS
    from export.predictor import Predictor

    bundle = read_bundle(place, to_run=False)
    parity = bundle.parity
    if parity["status"] != "passed":
        is_unfit = not parity["failed_settings"]
        return _of("unfit" if is_unfit else "failed", parity["reason"])
    predictor = Predictor(place)
    actual = np.concatenate([predictor.logits([item]) for item in items])
    about = {"setting": parity["setting"], "operators": _operators(bundle.model_path)}
    wrong, difference = _judged(expected, actual, lossy=EXPORTERS[bundle.format].lossy)
    outcome = _of("wrong", wrong) if wrong else _of("passed", None)
    return {**outcome, **about, "difference": difference}


def _judged(expected: Any, actual: Any, *, lossy: bool) -> tuple[str | None, float]:
    """What is wrong with the answers, none where nothing is, and by how much logits differ at most."""
    import numpy as np

    difference = float(np.abs(expected - actual).max())
    bound = 1e-4 * max(1.0, float(np.abs(expected).max()) / 10)
    if not lossy:
        wrong = None if difference <= bound else f"logits differ by {difference:.1e} from transformers'"
        return wrong, difference
    ranked = np.sort(_softmax(expected), axis=1)
    sure = ranked[:, -1] - ranked[:, -2] > MARGIN
    flipped = int((expected.argmax(1) != actual.argmax(1))[sure].sum())
    noise = float(np.sqrt(np.mean((expected - actual) ** 2)) / max(expected.std(), 1e-6))
    if flipped > MOST_FLIPPED or noise > MOST_NOISE:
        return f"{flipped} of {int(sure.sum())} sure labels differ, noise {noise:.2f}", difference
    return None, difference


def _softmax(logits: Any) -> Any:
    import numpy as np

    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _operators(file: Path) -> list[str]:
    """ONNX Runtime's own operators in a file, and those of normalisation by the root mean square."""
    if file.suffix != ".onnx":
        return []
    import onnx

    nodes = onnx.load(file, load_external_data=False).graph.node
    own = {node.op_type for node in nodes if node.domain == "com.microsoft" or "Simplified" in node.op_type}
    return sorted(own - {"MatMulIntegerToFloat", "DynamicQuantizeLSTM"})


def _of(outcome: str, reason: str | None) -> dict[str, Any]:
    return {"outcome": outcome, "reason": reason, "setting": None, "operators": [], "difference": None}


def formats_of(outcome: Mapping[str, Any]) -> dict[str, str]:
    """The word for each format of an architecture."""
    return {format: result["outcome"] for format, result in outcome["formats"].items()}
