"""What the measuring process leaves of one model, read back by the process that started it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """Figures by name, outputs (test rows, outputs), and where the raw samples are; none where nothing was timed."""

    figures: Mapping[str, Any]
    logits: np.ndarray
    samples: Path | None


def read_measurement(folder: Path) -> Measurement:
    """Read what the measuring process wrote to a folder."""
    samples = folder / "samples.parquet"
    return Measurement(
        figures=json.loads((folder / "result.json").read_text(encoding="utf-8")),
        logits=np.load(folder / "logits.npy", allow_pickle=False),
        samples=samples if samples.exists() else None,
    )
