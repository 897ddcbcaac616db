"""Runs a checkpoint in eager torch, in fp32 or bf16."""

from typing import TYPE_CHECKING

from export.bundle import Bundle
from export.checkpoint import load_checkpoint
from export.runtimes.torch_runtime import TorchRuntime

if TYPE_CHECKING:
    from torch import nn


class EagerRuntime(TorchRuntime):
    """The module itself, as training left it."""

    def load(self, bundle: Bundle) -> "nn.Module":
        """The checkpoint in the bundle's precision."""
        import torch

        precision = {"fp32": torch.float32, "bf16": torch.bfloat16}[bundle.precision]
        return load_checkpoint(bundle.folder).module.to(self.device, precision)
