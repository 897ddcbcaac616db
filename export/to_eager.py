"""The checkpoint itself as a bundle, the reference that all other formats are held against."""

import shutil
from pathlib import Path

from export.checkpoint import CHECKPOINT_FILES
from training.classifier import Classifier


def write_eager(classifier: Classifier, start: Path, folder: Path) -> None:
    """Copy the checkpoint in `start`."""
    for name in CHECKPOINT_FILES:
        if (start / name).is_file():
            shutil.copyfile(start / name, folder / name)


def write_eager_bf16(classifier: Classifier, start: Path, folder: Path) -> None:
    """Copy the checkpoint in `start` with its weights rounded to bfloat16."""
    import torch
    from safetensors.torch import load_file, save_file

    write_eager(classifier, start, folder)
    weights = load_file(folder / "model.safetensors")
    rounded = {
        name: value.to(torch.bfloat16) if value.is_floating_point() else value for name, value in weights.items()
    }
    save_file(rounded, folder / "model.safetensors", metadata={"format": "pt"})
