"""Judges a bundle again, on any machine, against the trained model's logits that it carries."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np

from encoders.encoder import Encoder
from export.bundle import Bundle
from export.formats import EXPORTERS
from export.gate.parity import Parity, ParityBounds, compare, failed_parity
from export.gate.reading import same_arrays, why_other_labels
from export.gate.unusual import unusual_items
from export.runtimes import RUNTIMES
from export.runtimes.runtime import Forward
from materials.errors import RequestError, with_kind
from materials.tasks.task import Task
from training.classifier import Classifier

STORED = "reference.npz"
MOST_BYTES = 1 << 28
TEXTS, READ = "texts", "read_"
TOLERATED_AGREEMENT, TOLERATED_NOISE = 0.01, 0.02


def store_reference(reference: Forward, classifier: Classifier, folder: Path) -> None:
    """Write the trained model's logits, float32 (rows, labels), for made-up inputs of every shape of the gate.

    Beside them, what it calls its outputs, and how its tokenizer reads unusual texts, which are written as JSON.
    """
    encoder = classifier.encoder
    arrays = {"logits": _over_shapes(reference, encoder)}
    if classifier.task.has_names:
        arrays["labels"] = np.array(classifier.label_names)
    if encoder.modality != "image":
        items = unusual_items(encoder)
        read_arrays = encoder.pad(encoder.encode(items))
        arrays |= {TEXTS: np.array(json.dumps(items)), **{READ + name: array for name, array in read_arrays.items()}}
    np.savez_compressed(folder / STORED, **arrays)  # type: ignore[arg-type]


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
    stored = _stored_arrays(bundle.folder / STORED)
    expected, encoder = stored["logits"], bundle.encoder()
    try:
        if reason := _why_read_otherwise(bundle, encoder, stored):
            return failed_parity(reason)
        candidate = RUNTIMES[bundle.runtime](bundle, threads, device)
        names = [graph_input.name for graph_input in bundle.inputs]
        if sorted(candidate.input_names) != sorted(names):
            return failed_parity(f"inputs are named {', '.join(candidate.input_names)}; expected {', '.join(names)}")
        if candidate.label_names and (reason := why_other_labels(bundle.label_names, candidate.label_names)):
            return failed_parity(reason)
        actual = _over_shapes(candidate, encoder)
    except (RequestError, MemoryError):
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


def _stored_arrays(file: Path) -> dict[str, np.ndarray]:
    """The arrays, among them logits, float32 (rows, outputs).

    Raises RequestError for a file that holds no logits, or announces more than they can be.
    """
    try:
        with ZipFile(file) as members:
            size_bytes = sum(member.file_size for member in members.infolist())
        if size_bytes > MOST_BYTES:
            raise RequestError(f"{file} announces {size_bytes:,} bytes; expected at most {MOST_BYTES:,}")
        with np.load(file, allow_pickle=False) as members_of_file:
            stored = {name: members_of_file[name] for name in members_of_file.files}
        logits = stored["logits"]
    except RequestError:
        raise
    except Exception as error:  # numpy and zipfile raise whatever a damaged file leads them to
        raise RequestError(f"{file} is damaged ({with_kind(error)})") from None
    if logits.ndim != 2 or logits.dtype != np.float32 or not len(logits):
        raise RequestError(f"{file} holds {logits.dtype} {logits.shape}; expected float32 (rows, outputs)")
    return stored


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


def _why_read_otherwise(bundle: Bundle, encoder: Encoder, stored: Mapping[str, np.ndarray]) -> str | None:
    """What labels or texts the trained model has called or read otherwise; bundles of older versions do not say."""
    if "labels" in stored and (reason := why_other_labels(bundle.label_names, stored["labels"].tolist())):
        return reason
    if TEXTS not in stored:
        return None
    items = [tuple(item) if isinstance(item, list) else item for item in json.loads(str(stored[TEXTS]))]
    expected = {name.removeprefix(READ): array for name, array in stored.items() if name.startswith(READ)}
    if same_arrays(encoder.pad(encoder.encode(items)), expected):
        return None
    return "its tokenizer reads unusual rows otherwise than the trained model's"


def _over_shapes(forward: Forward, encoder: Encoder) -> np.ndarray:
    return np.concatenate([forward(encoder.example(shape)) for shape in encoder.shapes()])
