"""Runs a frozen TorchScript file."""

from typing import TYPE_CHECKING

from export.bundle import Bundle
from export.quiet import quiet
from export.runtimes.torch_runtime import TorchRuntime

if TYPE_CHECKING:
    from torch import nn


class TorchScriptRuntime(TorchRuntime):
    """torch.jit in this process."""

    def load(self, bundle: Bundle) -> "nn.Module":
        """The file as it was frozen."""
        import torch

        with quiet():  # TorchScript is deprecated, and still what many deployments run
            return torch.jit.load(str(bundle.model_path), map_location=self.device)
