"""Runs a frozen TorchScript file."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from export.bundle import Bundle
from export.quiet import quiet
from export.runtime import Runtime
from export.torch_inputs import to_tensors, torch_settings

if TYPE_CHECKING:
    from torch import Tensor


class TorchScriptRuntime(Runtime):
    """torch.jit in this process."""

    def __init__(self, bundle: Bundle, threads: int, device: str = "cpu") -> None:
        import torch

        self.settings = torch_settings(threads, device)
        self.device = device
        with quiet():  # TorchScript is deprecated, and still what many deployments run
            self.module = torch.jit.load(str(bundle.model_path), map_location=device)
        self.input_names = tuple(graph_input.name for graph_input in bundle.inputs)

    def prepare(self, arrays: Mapping[str, np.ndarray]) -> "tuple[Tensor, ...]":
        """Tensors on the module's device."""
        return to_tensors(arrays, self.input_names, self.device)

    def forward(self, prepared: "tuple[Tensor, ...]") -> "Tensor":
        """Logits on the module's device."""
        import torch

        with torch.inference_mode():
            return self.module(*prepared)

    def fetch(self, output: "Tensor") -> np.ndarray:
        """Logits, float32 (batch, labels)."""
        return output.float().cpu().numpy()
