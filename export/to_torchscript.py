"""Traces a model into a frozen TorchScript file."""

from pathlib import Path

from export.example import example_inputs
from export.quiet import quiet
from training.classifier import Classifier


def write_torchscript(classifier: Classifier, start: Path, folder: Path) -> None:
    """Write model.ts; the parity gate proves that the trace holds for other batch sizes and lengths."""
    import torch

    example = tuple(torch.from_numpy(array) for array in example_inputs(classifier.encoder).values())
    with quiet(), torch.inference_mode():
        traced = torch.jit.trace(classifier.module.eval(), example, check_trace=False)
        torch.jit.freeze(traced).save(str(folder / "model.ts"))
