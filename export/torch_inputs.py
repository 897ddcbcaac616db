"""What the two runtimes of torch share: threads, devices, and tensors from arrays."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from export.runtime import RuntimeSettings
from materials.errors import RequestError

if TYPE_CHECKING:
    from torch import Tensor


def torch_settings(threads: int, device: str) -> RuntimeSettings:
    """Set torch's threads for this process and read back what it uses.

    Raises RequestError for a GPU that torch does not see.
    """
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise RequestError("device is cuda, but torch sees no GPU here; choose cpu")
    torch.set_num_threads(threads)
    return RuntimeSettings(
        intra_op_threads=torch.get_num_threads(),
        inter_op_threads=torch.get_num_interop_threads(),
        spinning=os.environ.get("OMP_WAIT_POLICY", "").upper() == "ACTIVE",
        provider="cpu" if device == "cpu" else torch.cuda.get_device_name(),
    )


def to_tensors(arrays: Mapping[str, np.ndarray], names: tuple[str, ...], device: str) -> "tuple[Tensor, ...]":
    """Tensors that share the arrays' memory on the CPU; on a GPU, copies by way of pinned memory."""
    import torch

    tensors = tuple(torch.from_numpy(arrays[name]) for name in names)
    if device == "cpu":
        return tensors
    return tuple(tensor.pin_memory().to(device, non_blocking=True) for tensor in tensors)
