"""What the runtimes of torch share: threads, devices, and a module between arrays and logits."""

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from export.bundle import Bundle
from export.runtimes.runtime import Runtime, RuntimeSettings
from materials.errors import RequestError

if TYPE_CHECKING:
    from torch import Tensor


class TorchRuntime(Runtime):
    """A module on a device; a subclass says how it is loaded."""

    def __init__(self, bundle: Bundle, threads: int, device: str = "cpu") -> None:
        self.settings = torch_settings(threads, device)
        self.device = device
        self.module = self.load(bundle)
        self.input_names = tuple(graph_input.name for graph_input in bundle.inputs)

    def load(self, bundle: Bundle) -> "Callable[..., Tensor]":
        """The bundle's module on the device."""
        raise NotImplementedError

    def prepare(self, arrays: Mapping[str, np.ndarray]) -> "tuple[Tensor, ...]":
        """Tensors that share the arrays' memory on the CPU; on a GPU, copies by way of pinned memory."""
        import torch

        tensors = tuple(torch.from_numpy(arrays[name]) for name in self.input_names)
        if self.device == "cpu":
            return tensors
        return tuple(tensor.pin_memory().to(self.device, non_blocking=True) for tensor in tensors)

    def forward(self, prepared: "tuple[Tensor, ...]") -> "Tensor":
        """Logits in the module's precision, on its device."""
        import torch

        with torch.inference_mode():
            return self.module(*prepared)

    def fetch(self, output: "Tensor") -> np.ndarray:
        """Logits, float32 (batch, labels)."""
        return output.float().cpu().numpy()


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
