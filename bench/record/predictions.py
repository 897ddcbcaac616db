"""The outputs of every file on every test row, in one table beside the run file, and how they are read back."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from bench.harness.measurement import Measurement
from bench.record.row import Row
from materials.rows import Rows
from materials.tasks import task_of

FILE = "predictions.parquet"
OUTPUT = "logit_"


@dataclass(frozen=True, kw_only=True)
class Artefact:
    """What lies beside run.json for one row: the bundle's source, and its measurement on `test_rows`."""

    row: Row
    source: Path | None
    measurement: Measurement | str
    test_rows: Rows
    label_names: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """Targets and outputs of one file on the test rows, in the forms of its task."""

    targets: np.ndarray
    outputs: np.ndarray


def predictions_frame(artefacts: Sequence[Artefact]) -> pd.DataFrame:
    """One line for each test row of each measured file, in their order: its target, and the outputs."""
    frames = []
    for artefact in artefacts:
        if isinstance(artefact.measurement, Measurement):
            outputs, targets = artefact.measurement.logits, artefact.test_rows.targets
            columns = {f"{OUTPUT}{number}": outputs[:, number] for number in range(outputs.shape[1])}
            frame = pd.DataFrame({**columns, **_target_columns(targets)})
            frames.append(tagged(frame.rename_axis("test_row").reset_index(), artefact.row))
    return pd.concat(frames) if frames else pd.DataFrame(columns=["test_row", "label", "model", "format", "seed"])


def predictions_of(frame: pd.DataFrame, row: Row) -> Predictions | None:
    """The predictions of a row; none where the table does not hold them, or an output in them is no number.

    Files of one table may have different numbers of outputs: the columns of a row are those of its label names, or, in
    a table of before there were names, those that hold anything at all for it.
    """
    if frame.empty:
        return None
    seed = frame["seed"].isna() if row.seed is None else frame["seed"] == row.seed
    lines = frame[(frame["model"] == row.model) & (frame["format"] == row.format) & seed]
    if lines.empty:
        return None
    columns = [name for name in frame.columns if name.startswith(OUTPUT)]
    columns = (
        columns[: len(row.label_names)] if row.label_names else [name for name in columns if lines[name].notna().any()]
    )
    outputs = lines[columns].to_numpy()
    if not np.isfinite(outputs).all():
        return None
    targets = lines[_target_names(frame, len(columns))].to_numpy()
    task = task_of(row.task)
    targets = targets[:, 0] if task.targets([], ()).ndim == 1 else targets
    return Predictions(targets=targets, outputs=outputs) if task.has_target(targets).all() else None


def tagged(frame: pd.DataFrame, row: Row) -> pd.DataFrame:
    """The table with the columns that tell whose lines it holds."""
    return frame.assign(model=row.model, format=row.format, seed=pd.array([row.seed] * len(frame), dtype="Int64"))


def _target_columns(targets: np.ndarray) -> dict[str, np.ndarray]:
    if targets.ndim == 1:
        return {"label": targets}
    return {f"label_{number}": targets[:, number] for number in range(targets.shape[1])}


def _target_names(frame: pd.DataFrame, outputs: int) -> list[str]:
    return ["label"] if "label" in frame.columns else [f"label_{number}" for number in range(outputs)]
