"""Runs a checkpoint in eager torch, in fp32 or bf16."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from export.bundle import Bundle
from export.checkpoint import load_checkpoint
from export.runtime import Runtime
from export.torch_inputs import to_tensors, torch_settings

if TYPE_CHECKING:
    from torch import Tensor


class EagerRuntime(Runtime):
    """The module itself, as training left it."""

    def __init__(self, bundle: Bundle, threads: int, device: str = "cpu") -> None:
        import torch

        self.settings = torch_settings(threads, device)
        self.device = device
        precision = {"fp32": torch.float32, "bf16": torch.bfloat16}[bundle.precision]
        self.module = load_checkpoint(bundle.folder).module.to(device, precision)
        self.input_names = tuple(graph_input.name for graph_input in bundle.inputs)

    def prepare(self, arrays: Mapping[str, np.ndarray]) -> "tuple[Tensor, ...]":
        """Tensors on the module's device."""
        return to_tensors(arrays, self.input_names, self.device)

    def forward(self, prepared: "tuple[Tensor, ...]") -> "Tensor":
        """Logits in the module's precision, on its device."""
        import torch

        with torch.inference_mode():
            return self.module(*prepared)

    def fetch(self, output: "Tensor") -> np.ndarray:
        """Logits, float32 (batch, labels)."""
        return output.float().cpu().numpy()
