"""Makes one bundle: writes the format, sends the file through the parity gate, and records what came of it."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from export.bundle import Bundle, write_bundle
from export.checkpoint import load_checkpoint
from export.companions import write_companions
from export.formats import EXPORTERS, why_impossible
from export.gate.parity import Parity, ParityBounds, check_parity, failed_parity
from export.gate.reading import why_other_labels, why_read_otherwise
from export.gate.rounding import Rounding
from export.gate.unusual import unusual_items
from export.gate.verifying import compare_stored, store_reference
from export.graphs.onnx_metadata import describe_onnx
from export.graphs.prepared import PLAIN
from export.memory import limited_memory, peak_bytes, reset_peak
from export.origin import OPSET, Origin, Reference, Unfit
from export.permission import remember_code
from export.runtimes import RUNTIMES
from materials.errors import RequestError, why_not_written, with_kind
from materials.modalities import Item
from materials.rows import Rows


@dataclass(frozen=True, kw_only=True)
class ExportRequest:
    """What to export, the rows that the gate compares on, and what the bundle says of where it comes from.

    `made_up` says that the rows are not real ones.
    """

    origin: Origin
    rows: Rows
    bounds: ParityBounds = field(default_factory=ParityBounds)
    made: Mapping[str, Any] = field(default_factory=dict)
    licences: Mapping[str, str] = field(default_factory=dict)
    made_up: bool = False

    @property
    def reference(self) -> Reference:
        """The trained model in memory, asked once for each input however many files are compared with it."""
        return self.origin.reference

    @cached_property
    def encoded(self) -> Any:
        """The rows as the model takes them, encoded once however many files are compared on them."""
        return self.origin.classifier.encoder.encode(self.rows.items)

    @cached_property
    def rounding(self) -> Rounding:
        """What every file of less than fp32 is judged by beside its decisions, found out once for all of them."""
        return Rounding(
            origin=self.origin,
            reference=self.reference,
            rows=self.encoded,
            targets=self.rows.targets,
            bounds=self.bounds,
            start=replace(_describe(self, "onnx", self.origin.scratch), model_file=PLAIN),
        )

    @cached_property
    def unusual(self) -> Any:
        """Encoded rows such as data sets rarely hold."""
        encoder = self.origin.classifier.encoder
        return encoder.encode(unusual_items(encoder))


@contextmanager
def open_origin(
    checkpoint: Path, calibration: Sequence[Item], *, opset: int = OPSET, modality: str | None = None
) -> Iterator[Origin]:
    """The trained model in a folder, ready to be exported, while the block runs."""
    with limited_memory(checkpoint):
        classifier = load_checkpoint(checkpoint, modality=modality)
    with TemporaryDirectory(prefix="distilbench-") as scratch:
        yield Origin(
            checkpoint=checkpoint,
            classifier=classifier,
            calibration=classifier.encoder.encode(calibration),
            scratch=Path(scratch),
            opset=opset,
        )


def export_bundle(request: ExportRequest, format: str, folder: Path) -> Bundle:
    """Fill the empty `folder` with a bundle. A file that fails the gate is a bundle too, and says so in its parity.

    The exporter's settings are tried in their order until one passes. Raises RequestError for a pair of architecture
    and format that cannot be.
    """
    exporter, architecture = EXPORTERS[format], request.origin.classifier.architecture
    if reason := why_impossible(format, architecture):
        raise RequestError(f"{architecture} cannot be exported to {format}: {reason}")
    reset_peak()
    started = time.perf_counter()
    bundle = _describe(request, format, folder)
    failed: dict[str, str | None] = {}
    unfit: dict[str, str | None] = {}
    for setting, write in exporter.settings.items():
        attempt = _attempt(request, bundle, write)
        if attempt.parity.status == "passed":
            judged = attempt
            break
        if not (attempt.is_unfit and failed):  # what was judged says more than that there was nothing to do
            judged = attempt
        (unfit if attempt.is_unfit else failed)[setting] = attempt.parity.reason
    recorded = _record(request, judged) | {"setting": setting, "failed_settings": failed, "unfit_settings": unfit}
    exported = {
        "rows": len(request.rows),
        "made_up_rows": request.made_up,
        "seconds": time.perf_counter() - started,
        "peak_memory_bytes": peak_bytes(),
    }
    if format == "eager" and judged.parity.status == "passed":
        recorded["status"] = "reference"
    written = write_bundle(replace(bundle, parity=recorded, exported=exported))
    remember_code(written.runtime, written.files)
    return written


@dataclass(frozen=True, kw_only=True)
class _Attempt:
    """What the gate found on which device; `made_up` is the same for the inputs whose logits the bundle carries.

    `is_unfit` says that the setting has nothing to do for this model, so that nothing was tried.
    """

    parity: Parity
    device: str = "cpu"
    made_up: Parity | None = None
    is_unfit: bool = False


def _cause(error: BaseException) -> BaseException:
    """What an error comes from, in the end: torch says first what to try next."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _attempt(request: ExportRequest, bundle: Bundle, write: Callable[[Origin, Path], None]) -> _Attempt:
    """Write the folder's files anew by one setting, judge them, and leave logits there to judge them by again."""
    import torch

    for path in bundle.folder.iterdir():
        path.unlink()
    request.origin.classifier.encoder.save(bundle.folder)
    try:
        write(request.origin, bundle.folder)
        _complete(request, bundle)
    except OSError:
        raise
    except Unfit as reason:
        return _Attempt(parity=failed_parity(str(reason)), is_unfit=True)
    except RequestError as reason:
        return _Attempt(parity=failed_parity(f"could not be exported: {reason}"))
    except Exception as error:  # an exporter may raise anything for a graph that it cannot express
        if why_not_written(error):
            raise
        return _Attempt(parity=failed_parity(f"could not be exported: {with_kind(_cause(error))}"))
    device = _judged_on(bundle)
    parity = gate(request, bundle, device)
    if parity.status == "failed":
        return _Attempt(parity=parity, device=device)
    store_reference(request.reference, request.origin.classifier, bundle.folder)
    made_up = compare_stored(bundle, torch.get_num_threads(), request.bounds, device)
    if made_up.status == "failed" and (not EXPORTERS[bundle.format].lossy or made_up.noise == float("inf")):
        parity = failed_parity(f"on made-up inputs: {made_up.reason}")
    return _Attempt(parity=parity, device=device, made_up=made_up)


def _judged_on(bundle: Bundle) -> str:
    """A GPU for fp16 where ONNX Runtime has one, as a CPU computes it in fp32; the CPU for all else."""
    import onnxruntime

    has_gpu = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    return "cuda" if bundle.precision == "fp16" and has_gpu else "cpu"


def _record(request: ExportRequest, attempt: _Attempt) -> dict[str, Any]:
    """What the bundle keeps of the gate's finding; JSON knows no infinity."""
    recorded = {name: None if value == float("inf") else value for name, value in asdict(attempt.parity).items()}
    if attempt.made_up and attempt.parity.status == "passed":
        made_up = asdict(attempt.made_up)
        recorded["made_up"] = {name: made_up[name] for name in ("largest_difference", "noise", "agreement")}
    return {**recorded, "judged_on": attempt.device, "bounds": asdict(request.bounds)}


def _describe(request: ExportRequest, format: str, folder: Path) -> Bundle:
    exporter, classifier = EXPORTERS[format], request.origin.classifier
    return Bundle(
        folder=folder,
        format=format,
        runtime=exporter.runtime,
        model_file=exporter.model_file,
        precision=exporter.precision,
        architecture=classifier.architecture,
        task=classifier.task,
        label_names=classifier.label_names,
        modality=classifier.encoder.modality,
        inputs=classifier.encoder.inputs,
        max_length_tokens=classifier.encoder.max_length_tokens,
        padding=classifier.encoder.padding,
        parameters=classifier.parameters,
        made=request.made,
        licences=request.licences,
        parity={},
        exported={},
        files={},
    )


def _complete(request: ExportRequest, bundle: Bundle) -> None:
    """Add what other tools look for: the files beside a transformer, the metadata of an ONNX file."""
    write_companions(request.origin.classifier, request.origin.checkpoint, bundle.folder)
    if bundle.model_path.suffix == ".onnx":
        describe_onnx(
            bundle.model_path,
            label_names=bundle.label_names,
            input_names=[graph_input.name for graph_input in bundle.inputs],
            max_length_tokens=bundle.max_length_tokens,
            licences=bundle.licences,
            task=bundle.task.name,
        )


def gate(request: ExportRequest, bundle: Bundle, device: str = "cpu") -> Parity:
    """What the parity gate finds for a bundle's file, for how it reads its items, and for what it calls its outputs."""
    import torch

    classifier = request.origin.classifier
    if reason := why_read_otherwise(bundle, classifier, request.rows.items):
        return failed_parity(reason)
    try:
        candidate = RUNTIMES[bundle.runtime](bundle, torch.get_num_threads(), device)
    except RequestError:
        raise
    except Exception as error:  # a runtime may raise anything for a file that it cannot load
        if why_not_written(error):
            raise
        return failed_parity(f"could not be loaded: {with_kind(error)}")
    names = candidate.label_names if classifier.task.has_names else None
    if names and (reason := why_other_labels(names, classifier.label_names, bundle.model_file)):
        return failed_parity(reason)
    if reason := request.rounding.why_not_rounded(bundle, candidate):
        return failed_parity(reason)
    return check_parity(
        request.reference,
        candidate,
        candidate.input_names,
        encoder=classifier.encoder,
        rows=request.encoded,
        targets=request.rows.targets,
        task=classifier.task,
        lossy=EXPORTERS[bundle.format].lossy,
        bounds=request.bounds,
        made_up=request.made_up,
        unusual=request.unusual,
    )
