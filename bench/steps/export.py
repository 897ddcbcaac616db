"""The step that exports: one bundle for each format of a model, judged by the parity gate."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.recipe.measuring import Parity
from bench.recipe.recipe import Recipe
from bench.record.machine import describe_machine, package_versions
from bench.steps.models import Model
from bench.steps.sources import describe_sources
from bench.steps.workplace import SeedPlace, Workplace
from export.formats import EXPORTERS, why_impossible
from export.formats.here import emulated_here, impossible_here
from materials.errors import RequestError
from materials.licences import source_name
from materials.rows import Rows
from materials.stages import Stage
from teachers import TEACHERS

if TYPE_CHECKING:
    from export.exporting import ExportRequest

CALIBRATION_ROWS = 300
VERSIONED = {  # the packages that a file's verdict holds for, besides those of its exporter
    "torch": ("torch",),
    "torchscript": ("torch",),
    "aotinductor": ("torch",),
    "onnxruntime": ("torch", "onnxruntime", "onnxruntime-gpu"),
    "openvino": ("torch",),
}


def export_model(place: SeedPlace, model: Model, formats: Sequence[str]) -> Model:
    """The model with its bundles, calibrated on train rows and compared on validation rows.

    What all formats start from, such as the ONNX graph and the outputs to compare with, is made once, when first
    needed.
    """
    if model.checkpoint is None:
        raise ValueError(f"{model.title} has no checkpoint to export")
    architecture = _architecture(place.work.recipe, model)
    with ExitStack() as stack:
        request = cache(lambda: _request(stack, place, model))
        return model.exported(
            {
                format: _bundle(place, model, format, request)
                for format in possible_formats(place.work.recipe, architecture, formats)
            }
        )


def impossible_files(recipe: Recipe) -> list[str]:
    """The architectures and formats that this machine cannot run, or only emulates, each with the reason.

    Raises RequestError where no format of a student is left.
    """
    formats = () if recipe.teacher.is_given else recipe.teacher.formats
    files = [(recipe.teacher.architecture, format) for format in formats]
    files += [(student.architecture, format) for student in recipe.students for format in recipe.formats]
    impossible = [
        f"{architecture} as {format}: {reason}"
        for architecture, format in dict.fromkeys(files)
        if (reason := impossible_here(format, architecture) or _emulated(recipe, format))
    ]
    for student in recipe.students:
        if not possible_formats(recipe, student.architecture, recipe.formats):
            raise RequestError(
                f"none of the formats {', '.join(recipe.formats)} can be made of {student.architecture} here; "
                f"choose others with --set formats=[...]{''.join(f'; {sentence}' for sentence in impossible)}"
            )
    return impossible


def possible_formats(recipe: Recipe, architecture: str, formats: Sequence[str]) -> list[str]:
    """Those of the formats that are made of an architecture on this machine."""
    if architecture in TEACHERS and TEACHERS[architecture].is_given:
        return []
    return [
        format
        for format in formats
        if why_impossible(format, architecture) is None and _emulated(recipe, format) is None
    ]


def _emulated(recipe: Recipe, format: str) -> str | None:
    return emulated_here(format, {recipe.device, recipe.trained_on})


def spread_out(rows: Rows, count: int) -> Rows:
    """At most `count` rows from all over the rows, which may be sorted, in an order that mixes them.

    Exporters take the first of these rows where they need fewer, and those must be from all over too.
    """
    numbers = np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(np.int64)
    return rows.take(np.random.default_rng(0).permutation(numbers))


def _bundle(place: SeedPlace, model: Model, format: str, request: "Callable[[], ExportRequest]") -> Path:
    work, title = place.work, f"{model.title} to {format}"

    def make(folder: Path) -> None:
        from export.exporting import export_bundle

        with work.screen.step(title):
            parity = export_bundle(request(), format, folder).parity
        if parity["status"] == "failed":
            work.screen.notice(f"{title} failed the parity gate: {parity['reason']}")

    return work.store.get(_stage(work, place, model, format), make)


def _request(stack: ExitStack, place: SeedPlace, model: Model) -> "ExportRequest":
    from export.exporting import ExportRequest, open_origin
    from export.gate.parity import ParityBounds

    rows = place.rows
    calibration = spread_out(rows.train, CALIBRATION_ROWS).items
    if model.checkpoint is None:
        raise ValueError(f"{model.title} has no checkpoint to export")
    return ExportRequest(
        origin=stack.enter_context(open_origin(model.checkpoint, calibration)),
        rows=spread_out(rows.validation, len(rows.validation)),
        bounds=ParityBounds(**place.work.recipe.parity.model_dump()),
        made=_made(place, model),
        licences=_licences(place, model),
    )


def _made(place: SeedPlace, model: Model) -> dict[str, Any]:
    return {"recipe": place.work.recipe.name, "model": model.title, "seed": model.seed}


def _licences(place: SeedPlace, model: Model) -> Mapping[str, str]:
    recipe = place.work.recipe
    student = model.cell.student if model.cell else None
    return {source_name(recipe.teacher.weights): place.weights.licence, **describe_sources(recipe, student)}


def _architecture(recipe: Recipe, model: Model) -> str:
    return model.cell.student.architecture if model.cell else recipe.teacher.architecture


def _stage(work: Workplace, place: SeedPlace, model: Model, format: str) -> Stage:
    """The stage of one bundle; what is as usual is left out of its key."""
    exporter, versions = EXPORTERS[format], package_versions()
    packages = (*VERSIONED[exporter.runtime], *exporter.packages)
    inputs: dict[str, Any] = {
        "checkpoint": model.checkpoint.name if model.checkpoint else None,
        "format": format,
        "splits": place.splits.name,
        "made": _made(place, model),
        "versions": {name: versions[name] for name in packages if name in versions},
    }
    if work.recipe.data.licence:
        inputs["licences"] = dict(_licences(place, model))
    if format == "aotinductor" or exporter.lossy:  # machine code, or judged by arithmetic
        inputs["instruction_sets"] = describe_machine()["instruction_sets"]
    if (bounds := work.recipe.parity.model_dump()) != Parity().model_dump():
        inputs["parity"] = bounds
    return Stage(name="bundle", version=13, inputs=inputs)
