"""The checkpoint itself as a bundle, the reference that all other formats are held against."""

import shutil
from pathlib import Path

from export.checkpoint import CHECKPOINT_FILES
from export.origin import Origin


def write_eager(origin: Origin, folder: Path) -> None:
    """Copy the checkpoint."""
    for name in CHECKPOINT_FILES:
        if (origin.checkpoint / name).is_file():
            shutil.copyfile(origin.checkpoint / name, folder / name)


def write_eager_bf16(origin: Origin, folder: Path) -> None:
    """Copy the checkpoint with its weights rounded to bfloat16."""
    import torch
    from safetensors.torch import load_file, save_file

    write_eager(origin, folder)
    weights = load_file(folder / "model.safetensors")
    rounded = {
        name: value.to(torch.bfloat16) if value.is_floating_point() else value for name, value in weights.items()
    }
    save_file(rounded, folder / "model.safetensors", metadata={"format": "pt"})
