"""Runs a frozen TorchScript file."""

from typing import TYPE_CHECKING, Any

from export.bundle import Bundle
from export.quiet import quiet
from export.runtimes.torch_runtime import TorchRuntime

if TYPE_CHECKING:
    from torch import nn


class TorchScriptRuntime(TorchRuntime):
    """torch.jit in this process."""

    def load(self, bundle: Bundle) -> "nn.Module":
        """The file as it was frozen, on the device."""
        import torch

        with quiet():  # TorchScript is deprecated, and still what many deployments run
            module = torch.jit.load(str(bundle.model_path), map_location=self.device)
        move_constants(module.graph, self.device)
        return module


def move_constants(graph: Any, device: str) -> None:
    """Let a traced graph make its tensors on a device.

    A trace holds the device that it was made on as a constant of each operator that makes a tensor, such as the
    positions of tokens, and `map_location` moves weights only.
    """
    for node in graph.findAllNodes("prim::Constant"):
        if node.output().type().kind() == "DeviceObjType":
            node.s_("value", device)
