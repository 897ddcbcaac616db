"""The checkpoint itself as a bundle, the reference that all other formats are held against."""

import shutil
from pathlib import Path

from export.checkpoint import CHECKPOINT_FILES
from export.origin import Origin
from materials.shards import ONE_FILE, shards_of

METADATA = {"format": "pt"}


def write_eager(origin: Origin, folder: Path) -> None:
    """Copy the checkpoint; weights in several files become one."""
    from safetensors.torch import load_file, save_file

    for name in CHECKPOINT_FILES:
        if (origin.checkpoint / name).is_file():
            shutil.copyfile(origin.checkpoint / name, folder / name)
    if shards := shards_of(origin.checkpoint):
        weights = {name: value for shard in shards for name, value in load_file(shard).items()}
        save_file(weights, folder / ONE_FILE, metadata=METADATA)


def write_eager_bf16(origin: Origin, folder: Path) -> None:
    """Copy the checkpoint with its weights rounded to bfloat16."""
    import torch
    from safetensors.torch import load_file, save_file

    write_eager(origin, folder)
    weights = load_file(folder / ONE_FILE)
    rounded = {
        name: value.to(torch.bfloat16) if value.is_floating_point() else value for name, value in weights.items()
    }
    save_file(rounded, folder / ONE_FILE, metadata=METADATA)
