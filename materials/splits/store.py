"""Splits on disk: the items and targets of all parts in one Parquet file, and what they mean in one JSON file."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from materials.modalities import MODALITIES
from materials.rows import Rows, Splits
from materials.tasks import task_of

PARTS = ("train", "validation", "test", "transfer")
TABLE, RECORD = "splits.parquet", "splits.json"


def save_splits(splits: Splits, folder: Path) -> None:
    """Write the splits to an empty folder."""
    import pandas as pd

    frames = []
    for part in PARTS:
        rows: Rows = getattr(splits, part)
        kinds = splits.transfer_kinds if part == "transfer" else None
        columns = {**rows.kind.as_columns(rows.items), "part": part, "target": rows.targets.tolist(), "kind": kinds}
        frames.append(pd.DataFrame(columns))
    pd.concat(frames).to_parquet(folder / TABLE, index=False)
    record = {
        "label_names": splits.label_names,
        "task": splits.task.name,
        "task_settings": splits.task.settings,
        "modality": splits.modality,
        "mask_token": splits.mask_token,
        "near_duplicates_dropped": dict(splits.near_duplicates_dropped),
        "target_shape": splits.train.targets.shape[1:],
        "target_dtype": str(splits.train.targets.dtype),
    }
    (folder / RECORD).write_text(json.dumps(record), encoding="utf-8")


def load_splits(folder: Path) -> Splits:
    """Read what `save_splits` wrote."""
    import pandas as pd

    frame = pd.read_parquet(folder / TABLE)
    record: dict[str, Any] = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    train, validation, test, transfer = (_rows(frame[frame["part"] == part], record) for part in PARTS)
    return Splits(
        train=train,
        validation=validation,
        test=test,
        transfer=transfer,
        label_names=tuple(record["label_names"]),
        task=task_of(record["task"], record["task_settings"]),
        transfer_kinds=tuple(frame.loc[frame["part"] == "transfer", "kind"]),
        mask_token=record["mask_token"],
        near_duplicates_dropped=record.get("near_duplicates_dropped", {}),  # which older splits do not say
    )


def _rows(frame: Any, record: dict[str, Any]) -> Rows:
    kind = MODALITIES[record["modality"]]
    columns = {name: frame[name].tolist() for name in kind.columns}
    # A matrix of targets comes back as an array of arrays, and no rows have no second axis of their own.
    targets = np.array([np.asarray(target) for target in frame["target"]], dtype=record["target_dtype"])
    shape = (len(frame), *record["target_shape"])
    return Rows(items=kind.from_columns(columns), targets=targets.reshape(shape), modality=record["modality"])
