"""Makes one bundle: writes the format, sends the file through the parity gate, and records what came of it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from export import EXPORTERS, RUNTIMES
from export.bundle import Bundle, write_bundle
from export.checkpoint import load_checkpoint
from export.parity import Parity, ParityBounds, check_parity, failed_parity
from materials.errors import RequestError
from materials.rows import Rows
from training.classifier import Classifier


@dataclass(frozen=True, kw_only=True)
class ExportRequest:
    """What to export, into which format, and the labelled rows that the gate compares on."""

    checkpoint: Path
    start: Path
    format: str
    rows: Rows
    bounds: ParityBounds
    made: Mapping[str, Any]
    licences: Mapping[str, str]


def export_bundle(request: ExportRequest, folder: Path) -> Bundle:
    """Fill the empty `folder` with a bundle. A file that fails the gate is a bundle too, and says so in its parity."""
    exporter = EXPORTERS[request.format]
    classifier = load_checkpoint(request.checkpoint)
    for setting, write in exporter.settings.items():  # noqa: B007
        for path in folder.iterdir():
            path.unlink()
        bundle = _describe(request, classifier, folder)
        classifier.encoder.save(folder)
        try:
            write(classifier, request.start, folder)
        except (OSError, RequestError):
            raise
        except Exception as error:  # an exporter may raise anything for a graph that it cannot express
            reason = (str(error).strip().splitlines() or [""])[0]
            parity = failed_parity(f"could not be exported: {type(error).__name__}: {reason}")
            continue
        parity = _gate(request, classifier, bundle)
        if parity.status == "passed":
            break
    status = "reference" if request.format == "eager" and parity.status == "passed" else parity.status
    finished = replace(bundle, parity={**asdict(parity), "status": status, "setting": setting})
    write_bundle(finished)
    return finished


def _describe(request: ExportRequest, classifier: Classifier, folder: Path) -> Bundle:
    exporter = EXPORTERS[request.format]
    return Bundle(
        folder=folder,
        format=request.format,
        runtime=exporter.runtime,
        model_file=exporter.model_file,
        precision=exporter.precision,
        architecture=classifier.architecture,
        task="classification",
        label_names=classifier.label_names,
        modality=classifier.encoder.modality,
        inputs=classifier.encoder.inputs,
        max_length_tokens=classifier.encoder.max_length_tokens,
        padding=classifier.encoder.padding,
        parameters=classifier.parameters,
        made=request.made,
        licences=request.licences,
        parity={},
        files={},
    )


def _gate(request: ExportRequest, classifier: Classifier, bundle: Bundle) -> Parity:
    import torch

    def reference(arrays: Mapping[str, np.ndarray]) -> np.ndarray:
        with torch.inference_mode():
            return classifier.module(*(torch.from_numpy(array) for array in arrays.values())).numpy()

    candidate = RUNTIMES[bundle.runtime](bundle, torch.get_num_threads())
    return check_parity(
        reference,
        candidate,
        candidate.input_names,
        encoder=classifier.encoder,
        rows=classifier.encoder.encode(request.rows.texts),
        labels=request.rows.labels,
        lossy=EXPORTERS[request.format].lossy,
        bounds=request.bounds,
    )
