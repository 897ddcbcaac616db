"""The outputs of every file on every test row, in one table beside the run file, and how they are read back."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd

from bench.harness.measurement import Measurement
from bench.record.parquet import read_beside
from bench.record.row import Row
from materials.rows import Rows
from materials.tasks import task_of

FILE = "predictions.parquet"
OUTPUT, TARGET = "logit_", "label"
NO_SEED = -1
FileKey = tuple[str, str, int]


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


class PredictionsTable:
    """The predictions of a run, found by row."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._positions = positions_by_file(frame)
        output_names = [name for name in frame.columns if name.startswith(OUTPUT)]
        target_names = [name for name in frame.columns if name == TARGET or name.startswith(f"{TARGET}_")]
        self._outputs, self._targets = frame[output_names].to_numpy(), frame[target_names].to_numpy()

    @classmethod
    def of_run(cls, place: Path) -> "PredictionsTable":
        """The table in a run folder; one without predictions where the run keeps none."""
        return cls(read_beside(place, FILE))

    def of(self, row: Row) -> Predictions | None:
        """The predictions of a row; none where there are none, or an output is no number.

        Files of one table may have different numbers of outputs: the columns of a row are those of its label names, or,
        in a table of before there were names, those that hold anything at all for it.
        """
        positions = self._positions.get(file_key(row))
        if positions is None:
            return None
        outputs, targets = self._outputs[positions], self._targets[positions]
        outputs = outputs[:, : len(row.label_names)] if row.label_names else outputs[:, ~np.isnan(outputs).all(axis=0)]
        if not outputs.size or not np.isfinite(outputs).all():
            return None
        task = task_of(row.task)
        targets = targets[:, 0] if task.targets([], ()).ndim == 1 else targets[:, : outputs.shape[1]]
        return Predictions(targets=targets, outputs=outputs) if task.has_target(targets).all() else None


def positions_by_file(frame: pd.DataFrame) -> dict[FileKey, np.ndarray]:
    """The positions of the lines of each file in a table that `tagged` marked."""
    if frame.empty:
        return {}
    tags = frame[["model", "format"]].assign(seed=frame["seed"].fillna(NO_SEED).astype(int))
    return cast("dict[FileKey, np.ndarray]", tags.groupby(["model", "format", "seed"], sort=False).indices)


def file_key(row: Row) -> FileKey:
    """What the lines of a row's file are found by."""
    return row.model, row.format, NO_SEED if row.seed is None else row.seed


def tagged(frame: pd.DataFrame, row: Row) -> pd.DataFrame:
    """The table with the columns that tell whose lines it holds."""
    return frame.assign(model=row.model, format=row.format, seed=pd.array([row.seed] * len(frame), dtype="Int64"))


def _target_columns(targets: np.ndarray) -> dict[str, np.ndarray]:
    if targets.ndim == 1:
        return {TARGET: targets}
    return {f"{TARGET}_{number}": targets[:, number] for number in range(targets.shape[1])}
