"""What the measuring process leaves of one model, read back by the process that started it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

RESULT, OUTPUTS, SAMPLES = "result.json", "logits.npy", "samples.parquet"


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """Figures by name, outputs (test rows, outputs), and the files of raw samples: one for each launch that timed.

    A launch that was not asked for outputs has none of them: (0, 0).
    """

    figures: Mapping[str, Any]
    logits: np.ndarray
    samples: tuple[Path, ...] = ()


def read_measurement(folder: Path) -> Measurement:
    """Read what the measuring process wrote to a folder."""
    samples, outputs = folder / SAMPLES, folder / OUTPUTS
    return Measurement(
        figures=json.loads((folder / RESULT).read_text(encoding="utf-8")),
        logits=np.load(outputs, allow_pickle=False) if outputs.exists() else np.zeros((0, 0), dtype=np.float32),
        samples=(samples,) if samples.exists() else (),
    )
