"""What a teacher knows: its stored outputs, and the one place where rows are matched with them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from materials.errors import RequestError
from materials.files import digest
from materials.modalities import MODALITIES, Item
from training.outputs import Outputs, TokenStates

LOGITS, KEYS, FOLDS, VIEWS = "logits.npy", "rows.json", "folds.npy", "views.npy"
NO_FOLD = -1


@dataclass(frozen=True, kw_only=True)
class Knowledge:
    """A teacher's outputs, logits in float32 and features in float16, rows first, and the digest of each row's item.

    `folds` says which fold's model labelled each row, int8 (rows,), NO_FOLD where one model labelled all, or all of
    them together. `views` are logits of views of each row, float32 (rows, views, outputs); none where rows have none.
    """

    outputs: Outputs
    keys: tuple[str, ...]
    folds: np.ndarray
    views: np.ndarray | None = None

    @cached_property
    def _row_of(self) -> dict[str, int]:
        return {key: row for row, key in enumerate(self.keys)}

    def rows_of(self, items: Sequence[Item], modality: str) -> np.ndarray:
        """The numbers of the rows of these items, int64 (items,). Raises RequestError for an item without one."""
        numbers = [self._row_of.get(key, -1) for key in keys_of(items, modality)]
        if -1 in numbers:
            missing, first = numbers.count(-1), items[numbers.index(-1)]
            raise RequestError(f"{missing} items were not labelled by the teacher, such as {first!r:.60}; run it again")
        return np.array(numbers, dtype=np.int64)

    def take(self, items: Sequence[Item], modality: str) -> Outputs:
        """The outputs for these items, in their order. Raises RequestError for an item without outputs."""
        return self.outputs.take(self.rows_of(items, modality))


def keys_of(items: Sequence[Item], modality: str) -> list[str]:
    """What each item is known by: the digest of all of it, as two texts that differ in case only differ in outputs."""
    as_json = MODALITIES[modality].as_json
    return [digest(as_json(item)) for item in items]


def save_knowledge(
    outputs: Outputs,
    items: Sequence[Item],
    modality: str,
    folder: Path,
    *,
    folds: np.ndarray | None = None,
    views: np.ndarray | None = None,
) -> None:
    """Write outputs for items in their order. Raises ValueError when their numbers differ."""
    logits = np.asarray(outputs.logits, dtype=np.float32)
    if logits.ndim != 2 or len(logits) != len(items):
        raise ValueError(f"expected logits of shape ({len(items)}, outputs), got {logits.shape}")
    np.save(folder / LOGITS, logits)
    for name, values in outputs.features.items():
        of_tokens = isinstance(values, TokenStates)
        np.save(folder / _feature_file(name), np.asarray(values.values if of_tokens else values, dtype=np.float16))
        if of_tokens:
            np.save(folder / _bounds_file(name), values.bounds)
    np.save(folder / FOLDS, np.full(len(items), NO_FOLD, dtype=np.int8) if folds is None else folds.astype(np.int8))
    if views is not None:
        np.save(folder / VIEWS, np.asarray(views, dtype=np.float32))
    record = {"keys": keys_of(items, modality), "features": sorted(outputs.features)}
    (folder / KEYS).write_text(json.dumps(record), encoding="utf-8")


def load_knowledge(folder: Path) -> Knowledge:
    """Read what `save_knowledge` wrote, arrays memory-mapped. Raises RequestError when it is damaged."""
    try:
        record = json.loads((folder / KEYS).read_text(encoding="utf-8"))
        features = {name: _read_feature(folder, name) for name in record["features"]}
        outputs = Outputs(logits=_read(folder / LOGITS), features=features)
        knowledge = Knowledge(
            outputs=outputs,
            keys=tuple(record["keys"]),
            folds=np.array(_read(folder / FOLDS)),
            views=_read(folder / VIEWS) if (folder / VIEWS).is_file() else None,
        )
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        raise RequestError(
            f"the teacher's outputs in {folder} are damaged ({error}); delete the folder and run again"
        ) from None
    if len(knowledge.outputs) != len(knowledge.keys):
        raise RequestError(f"the teacher's outputs in {folder} are not of its rows; delete the folder and run again")
    return knowledge


def _feature_file(name: str) -> str:
    return f"feature-{name}.npy"


def _bounds_file(name: str) -> str:
    return f"bounds-{name}.npy"


def _read_feature(folder: Path, name: str) -> np.ndarray | TokenStates:
    values, bounds = _read(folder / _feature_file(name)), folder / _bounds_file(name)
    return TokenStates(values, np.array(_read(bounds))) if bounds.is_file() else values


def _read(file: Path) -> np.ndarray:
    array: np.ndarray = np.load(file, mmap_mode="r", allow_pickle=False)
    return array
