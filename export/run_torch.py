"""Runs a checkpoint in eager torch, in fp32 or bf16."""

from collections.abc import Mapping

import numpy as np

from export.bundle import Bundle
from export.checkpoint import load_checkpoint


class EagerRuntime:
    """The module itself, as training left it."""

    def __init__(self, bundle: Bundle, threads: int) -> None:
        import torch

        torch.set_num_threads(threads)
        self.threads = torch.get_num_threads()
        self.dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[bundle.precision]
        self.module = load_checkpoint(bundle.folder).module.to(self.dtype)
        self.input_names = tuple(graph_input.name for graph_input in bundle.inputs)

    def __call__(self, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
        """Logits, float32 (batch, labels)."""
        import torch

        with torch.inference_mode():
            logits = self.module(*(torch.from_numpy(arrays[name]) for name in self.input_names))
        return logits.float().numpy()
