"""Teacher logits on disk: one memory-mapped file for rows in a fixed order, tied to the digest of their texts."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from materials.errors import RequestError
from materials.files import digest


def save_logits(logits: np.ndarray, texts: Sequence[str], folder: Path) -> None:
    """Write logits, float32 (rows, classes), for `texts` in their order. Raises ValueError when the numbers differ."""
    if logits.ndim != 2 or len(logits) != len(texts):
        raise ValueError(f"expected logits of shape ({len(texts)}, classes), got {logits.shape}")
    np.save(folder / "logits.npy", logits.astype(np.float32))
    (folder / "texts.json").write_text(
        json.dumps({"rows": len(texts), "digest": digest(list(texts))}), encoding="utf-8"
    )


def load_logits(folder: Path, texts: Sequence[str]) -> np.ndarray:
    """The stored logits, memory-mapped. Raises RequestError when they are damaged or belong to other texts."""
    try:
        logits: np.ndarray = np.load(folder / "logits.npy", mmap_mode="r", allow_pickle=False)
        stored = json.loads((folder / "texts.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, EOFError) as error:
        raise RequestError(
            f"the teacher logits in {folder} are damaged ({error}); delete the folder and run again"
        ) from None
    if len(logits) != len(texts) or stored["digest"] != digest(list(texts)):
        raise RequestError(f"the teacher logits in {folder} belong to other texts; delete the folder and run again")
    return logits
