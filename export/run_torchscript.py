"""Runs a frozen TorchScript file."""

from collections.abc import Mapping

import numpy as np

from export.bundle import Bundle
from export.quiet import quiet


class TorchScriptRuntime:
    """torch.jit in this process."""

    def __init__(self, bundle: Bundle, threads: int) -> None:
        import torch

        torch.set_num_threads(threads)
        self.threads = torch.get_num_threads()
        with quiet():  # TorchScript is deprecated, and still what many deployments run
            self.module = torch.jit.load(str(bundle.model_path))
        self.input_names = tuple(graph_input.name for graph_input in bundle.inputs)

    def __call__(self, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
        """Logits, float32 (batch, labels)."""
        import torch

        with torch.inference_mode():
            return self.module(*(torch.from_numpy(arrays[name]) for name in self.input_names)).numpy()
