"""The step that measures one bundle: its outputs on the test rows and, where asked for, its speed."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from bench.harness.isolation import MeasurementFailed, measure_in_fresh_process
from bench.harness.measurement import Measurement, read_measurement
from bench.harness.workload import Workload
from bench.record.machine import describe_gpu, describe_machine, package_versions
from bench.steps.answering.given import GIVEN_FORMAT, LOGITS
from bench.steps.models import Measured, Model
from bench.steps.workplace import Workplace
from materials.splits.store import load_splits
from materials.stages import Stage

UNMEASURED = ("model", "allow_code")  # fields of a workload that no figure depends on


def measure(work: Workplace, model: Model, format: str, *, timed: bool) -> Measured:
    """The measurement of one of a model's files, or the sentence that says why its process failed.

    A failure is not stored, and so is tried again by the next run.
    """
    if format == GIVEN_FORMAT:
        logits = np.load(model.bundles[format] / LOGITS, allow_pickle=False)
        given = Measurement(figures={}, logits=logits, samples=None)
        return Measured(model=model, format=format, bundle=model.bundles[format], measurement=given)
    recipe, bundle, title = work.recipe, model.bundles[format], f"{model.title} as {format}, seed {model.seed}"
    timing: dict[str, Any] = recipe.measuring.model_dump() if timed else {"scenarios": ()}
    workload = Workload(
        model=str(bundle), threads=recipe.threads, device=recipe.device, modality=recipe.modality, **timing
    )
    inputs = {
        "bundle": bundle.name,
        "splits": model.splits.name,
        "workload": {name: value for name, value in asdict(workload).items() if name not in UNMEASURED},
        "machine": describe_machine() if timed else None,
        "gpu": describe_gpu() if timed and recipe.device == "cuda" else None,
        "versions": package_versions(),
    }

    def make(folder: Path) -> None:
        with work.screen.step(f"measuring {title}"):
            measure_in_fresh_process(workload, load_splits(model.splits).test.items, folder)

    measurement: Measurement | str
    try:
        measurement = read_measurement(work.store.get(Stage(name="measurement", version=4, inputs=inputs), make))
    except MeasurementFailed as failure:
        work.screen.notice(f"{title} could not be measured: {failure}")
        measurement = str(failure)
    return Measured(model=model, format=format, bundle=bundle, measurement=measurement)
