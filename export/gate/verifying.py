"""Judges a bundle again, on any machine, against the trained model's logits that it carries."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np

from encoders.encoder import Encoder
from export.bundle import Bundle
from export.formats import EXPORTERS
from export.gate.parity import Parity, ParityBounds, compare, failed_parity
from export.runtimes import RUNTIMES
from export.runtimes.runtime import Forward
from materials.errors import RequestError, with_kind
from materials.tasks.task import Task

STORED = "reference.npz"
MOST_BYTES = 1 << 28
TOLERATED_AGREEMENT, TOLERATED_NOISE = 0.01, 0.02


def store_reference(reference: Forward, encoder: Encoder, folder: Path) -> None:
    """Write the trained model's logits, float32 (rows, labels), for made-up inputs of every shape of the gate."""
    np.savez_compressed(folder / STORED, logits=_over_shapes(reference, encoder))


def check_stored(bundle: Bundle, threads: int, device: str = "cpu") -> Parity:
    """Hold the bundle's file against the logits in its folder, which need no trained model.

    A lossless file must give them within its bound. A lossy one must come as close to them as when it was exported,
    but for one sure label in a hundred. Raises RequestError for a bundle that carries no logits.
    """
    if not (bundle.folder / STORED).is_file() or "made_up" not in bundle.parity:
        raise RequestError(f"{bundle.folder} carries no logits to compare with; name its trained model with --against")
    try:
        bounds = _bounds_of(bundle.parity, bundle.task)
    except (KeyError, TypeError) as error:
        raise RequestError(
            f"{bundle.folder} does not say rightly what its gate found ({with_kind(error)}); name its trained model "
            "with --against"
        ) from None
    return compare_stored(bundle, threads, bounds, device)


def compare_stored(bundle: Bundle, threads: int, bounds: ParityBounds, device: str = "cpu") -> Parity:
    """The finding for the bundle's file and the logits in its folder."""
    expected = _stored_logits(bundle.folder / STORED)
    encoder = bundle.encoder()
    try:
        candidate = RUNTIMES[bundle.runtime](bundle, threads, device)
        names = [graph_input.name for graph_input in bundle.inputs]
        if sorted(candidate.input_names) != sorted(names):
            return failed_parity(f"inputs are named {', '.join(candidate.input_names)}; expected {', '.join(names)}")
        actual = _over_shapes(candidate, encoder)
    except RequestError:
        raise
    except Exception as error:  # a runtime may raise anything for a file that does not fit it
        return failed_parity(with_kind(error))
    return compare(
        expected,
        actual,
        bundle.task.decide(expected),
        task=bundle.task,
        lossy=EXPORTERS[bundle.format].lossy,
        bounds=bounds,
    )


def _stored_logits(file: Path) -> np.ndarray:
    """The logits, float32 (rows, outputs). Raises RequestError for a file that holds none, or announces too many."""
    try:
        with ZipFile(file) as members:
            size_bytes = sum(member.file_size for member in members.infolist())
        if size_bytes > MOST_BYTES:
            raise RequestError(f"{file} announces {size_bytes:,} bytes; expected at most {MOST_BYTES:,}")
        with np.load(file, allow_pickle=False) as stored:
            logits: np.ndarray = stored["logits"]
    except RequestError:
        raise
    except Exception as error:  # numpy and zipfile raise whatever a damaged file leads them to
        raise RequestError(f"{file} is damaged ({with_kind(error)})") from None
    if logits.ndim != 2 or logits.dtype != np.float32 or not len(logits):
        raise RequestError(f"{file} holds {logits.dtype} {logits.shape}; expected float32 (rows, outputs)")
    return logits


def _bounds_of(parity: Mapping[str, Any], task: Task) -> ParityBounds:
    """The bounds of the export; for a lossy file, what it came to then. The headline means nothing on made-up rows."""
    then = parity["made_up"]
    return ParityBounds(
        **{
            **parity["bounds"],
            task.kept_bound: then["agreement"] - TOLERATED_AGREEMENT,
            "largest_noise": then["noise"] + TOLERATED_NOISE,
            "largest_f1_drop": 1.0,
        }
    )


def _over_shapes(forward: Forward, encoder: Encoder) -> np.ndarray:
    return np.concatenate([forward(encoder.example(shape)) for shape in encoder.shapes()])
