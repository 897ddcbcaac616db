"""The steps that export and label: one bundle for each format, and the teacher's logits for all rows."""

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.recipe.recipe import Parity
from bench.record.machine import describe_machine, package_versions
from bench.steps.workplace import Workplace
from export.bundle import read_bundle
from export.formats import EXPORTERS
from materials.splits.split import load_splits
from materials.stages import Stage

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


def export(
    work: Workplace,
    checkpoint: Path,
    formats: Sequence[str],
    *,
    splits: Path,
    made: Mapping[str, Any],
    licences: Mapping[str, str],
) -> dict[str, Path]:
    """The bundles of a checkpoint by format, calibrated on train rows and compared on validation rows.

    What all formats start from, such as the ONNX graph and the logits to compare with, is made once, when first needed.
    """
    with ExitStack() as stack:

        @cache
        def request() -> "ExportRequest":
            from export.exporting import ExportRequest, open_origin
            from export.gate.parity import ParityBounds

            loaded = load_splits(splits)
            return ExportRequest(
                origin=stack.enter_context(open_origin(checkpoint, _spread(loaded.train.items))),
                rows=loaded.validation,
                bounds=ParityBounds(**work.recipe.parity.model_dump()),
                made=made,
                licences=licences,
            )

        def bundle(format: str) -> Path:
            def make(folder: Path) -> None:
                from export.exporting import export_bundle

                title = f"{made['model']} to {format}"
                with work.screen.step(title):
                    parity = export_bundle(request(), format, folder).parity
                if parity["status"] == "failed":
                    work.screen.notice(f"{title} failed the parity gate: {parity['reason']}")

            inputs = {"checkpoint": checkpoint.name, "format": format, "splits": splits.name, "made": dict(made)}
            return work.store.get(_stage(work, inputs, licences), make)

        return {format: bundle(format) for format in formats}


def _stage(work: Workplace, inputs: dict[str, Any], licences: Mapping[str, str]) -> Stage:
    """The stage of one bundle; what is as usual is left out of its key."""
    if work.recipe.data.licence:
        inputs["licences"] = dict(licences)
    exporter, versions = EXPORTERS[inputs["format"]], package_versions()
    packages = (*VERSIONED[exporter.runtime], *exporter.packages)
    inputs["versions"] = {name: versions[name] for name in packages if name in versions}
    if inputs["format"] == "aotinductor" or exporter.lossy:  # machine code, or judged by arithmetic
        inputs["instruction_sets"] = describe_machine()["instruction_sets"]
    if (bounds := work.recipe.parity.model_dump()) != Parity().model_dump():
        inputs["parity"] = bounds
    return Stage(name="bundle", version=8, inputs=inputs)


def label(work: Workplace, splits: Path, teacher: Path, bundles: Mapping[str, Path], seed: int) -> Path:
    """The folder with the teacher's logits for train rows and the transfer rows that some student learns from.

    They are computed once, by the teacher's fastest passed bundle.
    Which of the bundles that is belongs to this machine and day; all of them agree within the gate's bounds, so a new
    bundle of the same teacher does not make the logits again.
    """
    bounds = work.recipe.parity.model_dump()
    transfer = work.recipe.labelled_transfer
    inputs = {
        "splits": splits.name,
        "transfer": transfer,
        "teacher": teacher.name,
        "formats": list(bundles),
        "parity": bounds,
    }

    def make(folder: Path) -> None:
        from export.labelling import label_rows
        from teachers.logit_store import save_logits

        loaded = load_splits(splits)
        texts = loaded.train.items + [loaded.transfer.items[row] for row in loaded.chosen_transfer(transfer)]
        with work.screen.step(f"teacher logits of {len(texts):,} rows, seed {seed}") as report:
            labelling = label_rows([read_bundle(bundle) for bundle in bundles.values()], texts, report=report)
        save_logits(labelling.logits, texts, folder)
        record = {name: value for name, value in asdict(labelling).items() if name != "logits"}
        (folder / "labelling.json").write_text(json.dumps(record, indent=1), encoding="utf-8")

    return work.store.get(Stage(name="logits", version=2, inputs=inputs), make)


def possible_formats(architecture: str, formats: Sequence[str]) -> list[str]:
    """Those of the formats in which an architecture can be."""
    return [format for format in formats if architecture not in EXPORTERS[format].impossible]


def _spread(texts: Sequence[str]) -> Sequence[str]:
    """Texts to calibrate on, from all over the rows, which may be sorted."""
    return texts[:: max(1, len(texts) // CALIBRATION_ROWS)][:CALIBRATION_ROWS]
