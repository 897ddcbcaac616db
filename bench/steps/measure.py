"""The step that measures one bundle: its scores on the test rows and, where asked for, its speed."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.harness.isolation import MeasurementFailed, measure_in_fresh_process
from bench.harness.workload import Workload
from bench.record.machine import describe_gpu, describe_machine, package_versions
from bench.steps.workplace import Workplace
from materials.splits.split import load_splits
from materials.stages import Stage


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """What the fresh process wrote: figures by name, scores (test rows, labels), and where its raw samples are."""

    figures: Mapping[str, Any]
    logits: np.ndarray
    samples: Path | None


def measure(work: Workplace, bundle: Path, *, splits: Path, speed: bool, title: str) -> Measurement | str:
    """The measurement of a bundle, or the sentence that says why its process failed (which is not stored)."""
    recipe = work.recipe
    timing: dict[str, Any] = recipe.measuring.model_dump() if speed else {"scenarios": ()}
    workload = Workload(model=str(bundle), threads=recipe.threads, device=recipe.device, **timing)
    inputs = {
        "bundle": bundle.name,
        "splits": splits.name,
        "workload": {name: value for name, value in asdict(workload).items() if name != "model"},
        "machine": describe_machine() if speed else None,
        "gpu": describe_gpu() if speed and recipe.device == "cuda" else None,
        "versions": package_versions(),
    }

    def make(folder: Path) -> None:
        with work.screen.step(f"measuring {title}"):
            measure_in_fresh_process(workload, load_splits(splits).test.items, folder)

    try:
        return read_measurement(work.store.get(Stage(name="measurement", version=2, inputs=inputs), make))
    except MeasurementFailed as failure:
        work.screen.notice(f"{title} could not be measured: {failure}")
        return str(failure)


def read_measurement(folder: Path) -> Measurement:
    """What the fresh process left in a folder."""
    samples = folder / "samples.parquet"
    return Measurement(
        figures=json.loads((folder / "result.json").read_text(encoding="utf-8")),
        logits=np.load(folder / "logits.npy", allow_pickle=False),
        samples=samples if samples.exists() else None,
    )
