"""The step that measures files: their outputs on the test rows and, where asked for, their speed, in turns."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.harness.launches.quiet import Patience, measure_quietly
from bench.harness.launches.speed import BestSpeed
from bench.harness.launches.turns import launch_files
from bench.harness.measurement import Measurement, read_measurement
from bench.harness.workload import Workload
from bench.record.machine import describe_gpu, describe_machine, package_versions
from bench.steps.answering.given import GIVEN_FORMAT, LOGITS
from bench.steps.models import Measured, Model
from bench.steps.workplace import Workplace
from materials.splits.store import load_splits
from materials.stages import Stage

UNMEASURED = ("model", "allow_code", "with_outputs")  # fields of a workload that no figure depends on


@dataclass(frozen=True, kw_only=True)
class File:
    """One of a model's files to measure."""

    model: Model
    format: str
    timed: bool

    @property
    def title(self) -> str:
        """What it is called in lines of progress."""
        return f"{self.model.title} as {self.format}, seed {self.model.seed}"


def measure(work: Workplace, files: Sequence[File]) -> list[Measured]:
    """The measurement of each file, or the sentence that says why its process failed.

    Files that are timed are launched as often as the recipe says, in turns. A failure is not stored, and so is tried
    again by the next run.
    """
    best, patience = BestSpeed(work.root, describe_machine()), Patience()

    def tell(position: int, reason: str) -> None:
        work.screen.notice(f"{files[position].title} could not be measured: {reason}")

    measurements = launch_files(
        [work.recipe.measuring.launches if file.timed else 1 for file in files],
        lambda position, number: _launch(work, files[position], number, best, patience),
        best,
        on_failure=tell,
    )
    return [
        Measured(model=file.model, format=file.format, bundle=file.model.bundles[file.format], measurement=measurement)
        for file, measurement in zip(files, measurements, strict=True)
    ]


def _launch(work: Workplace, file: File, number: int, best: BestSpeed, patience: Patience) -> Measurement:
    """One launch of a file, counted from 0; only the first computes the outputs on all test rows."""
    bundle = file.model.bundles[file.format]
    if file.format == GIVEN_FORMAT:
        return Measurement(figures={}, logits=np.load(bundle / LOGITS, allow_pickle=False))
    recipe = work.recipe
    timing: dict[str, Any] = recipe.measuring.of_a_launch if file.timed else {"scenarios": ()}
    workload = Workload(
        model=str(bundle),
        threads=recipe.threads,
        device=recipe.device,
        modality=recipe.modality,
        with_outputs=number == 0,
        **timing,
    )
    inputs = {
        "bundle": bundle.name,
        "splits": file.model.splits.name,
        "workload": {name: value for name, value in asdict(workload).items() if name not in UNMEASURED},
        "machine": describe_machine() if file.timed else None,
        "gpu": describe_gpu() if file.timed and recipe.device == "cuda" else None,
        "versions": package_versions(),
        **({"launch": number} if file.timed else {}),
    }
    version = 5 if file.timed else 4  # outputs that were computed before times were probed are still the same

    def make(folder: Path) -> None:
        again = f", launch {number + 1}" if number else ""
        with work.screen.step(f"measuring {file.title}{again}"):
            measure_quietly(workload, load_splits(file.model.splits).test.items, folder, best, patience=patience)

    return read_measurement(work.store.get(Stage(name="measurement", version=version, inputs=inputs), make))
