"""The steps that export and label: one bundle for each format, and the teacher's logits for all rows."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.machine import describe_machine
from bench.recipe import Parity
from bench.workplace import Workplace
from export import EXPORTERS
from export.bundle import read_bundle
from materials.splits import load_splits
from materials.stages import Stage

CALIBRATION_ROWS = 300


def export(
    work: Workplace,
    checkpoint: Path,
    format: str,
    *,
    splits: Path,
    made: Mapping[str, Any],
    licences: Mapping[str, str],
) -> Path:
    """The bundle of a checkpoint in one format, calibrated on train rows and compared on validation rows."""
    inputs: dict[str, Any] = {
        "checkpoint": checkpoint.name,
        "format": format,
        "splits": splits.name,
        "made": dict(made),
    }
    if work.recipe.data.licence:
        inputs["licences"] = dict(licences)

    if format == "aotinductor":  # machine code
        inputs["instruction_sets"] = describe_machine()["instruction_sets"]
    bounds = work.recipe.parity.model_dump()
    if bounds != Parity().model_dump():
        inputs["parity"] = bounds

    def make(folder: Path) -> None:
        from export.exporting import ExportRequest, export_bundle, open_origin
        from export.parity import ParityBounds

        loaded = load_splits(splits)
        title = f"{made['model']} to {format}"
        with work.screen.step(title), open_origin(checkpoint, _spread(loaded.train.texts)) as origin:
            request = ExportRequest(
                origin=origin,
                rows=loaded.validation,
                bounds=ParityBounds(**bounds),
                made=made,
                licences=licences,
            )
            bundle = export_bundle(request, format, folder)
        if bundle.parity["status"] == "failed":
            work.screen.notice(f"{made['model']} as {format} failed the parity gate: {bundle.parity['reason']}")

    return work.store.get(Stage(name="bundle", version=5, inputs=inputs), make)


def label(work: Workplace, splits: Path, teacher: Path, bundles: Sequence[Path], seed: int) -> Path:
    """The folder with the teacher's logits for train and transfer rows, computed once by its fastest passed bundle."""
    inputs = {"splits": splits.name, "teacher": teacher.name, "bundles": [bundle.name for bundle in bundles]}

    def make(folder: Path) -> None:
        from export.labelling import label_rows
        from teachers.logit_store import save_logits

        loaded = load_splits(splits)
        texts = loaded.train.texts + loaded.transfer.texts
        with work.screen.step(f"teacher logits of {len(texts):,} rows, seed {seed}") as report:
            labelling = label_rows([read_bundle(bundle) for bundle in bundles], texts, report=report)
        save_logits(labelling.logits, texts, folder)
        record = {name: value for name, value in asdict(labelling).items() if name != "logits"}
        (folder / "labelling.json").write_text(json.dumps(record, indent=1), encoding="utf-8")

    return work.store.get(Stage(name="logits", version=1, inputs=inputs), make)


def possible_formats(architecture: str, formats: Sequence[str]) -> list[str]:
    """Those of the formats in which an architecture can be."""
    return [format for format in formats if architecture not in EXPORTERS[format].impossible]


def _spread(texts: Sequence[str]) -> Sequence[str]:
    """Texts to calibrate on, from all over the rows, which may be sorted."""
    return texts[:: max(1, len(texts) // CALIBRATION_ROWS)][:CALIBRATION_ROWS]
