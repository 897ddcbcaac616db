"""The step that measures one bundle: its logits on the test rows and, where asked for, its speed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.isolation import MeasurementFailed, measure_in_fresh_process
from bench.machine import describe_machine, package_versions
from bench.speed import OFFLINE_ROWS, SINGLE_ROWS
from bench.workplace import Workplace
from materials.splits import load_splits
from materials.stages import Stage


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """What the fresh process wrote: figures by name, logits (test rows, labels), and where its raw samples are."""

    figures: Mapping[str, Any]
    logits: np.ndarray
    samples: Path | None


def measure(work: Workplace, bundle: Path, *, splits: Path, speed: bool, title: str) -> Measurement | str:
    """The measurement of a bundle, or the sentence that says why its process failed (which is not stored)."""
    inputs = {
        "bundle": bundle.name,
        "splits": splits.name,
        "speed": [SINGLE_ROWS, OFFLINE_ROWS] if speed else False,
        "threads": work.recipe.threads,
        "machine": describe_machine() if speed else None,
        "versions": package_versions(),
    }

    def make(folder: Path) -> None:
        with work.screen.step(f"measuring {title}"):
            texts = load_splits(splits).test.texts
            measure_in_fresh_process(bundle, texts, folder, threads=work.recipe.threads, speed=speed)

    try:
        folder = work.store.get(Stage(name="measurement", version=1, inputs=inputs), make)
    except MeasurementFailed as failure:
        work.screen.notice(f"{title} could not be measured: {failure}")
        return str(failure)
    samples = folder / "samples.parquet"
    return Measurement(
        figures=json.loads((folder / "result.json").read_text(encoding="utf-8")),
        logits=np.load(folder / "logits.npy", allow_pickle=False),
        samples=samples if samples.exists() else None,
    )
