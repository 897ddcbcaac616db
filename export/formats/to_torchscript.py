"""Traces a model into a frozen TorchScript file."""

import io
from pathlib import Path

from export.graphs.example import example_inputs
from export.graphs.prepared import deployed_module
from export.graphs.torch_archive import rewrite_archive
from export.origin import Origin
from export.quiet import quiet

SOURCE_POSITIONS = ".debug_pkl"  # where in which file of the exporting machine each operation was called


def write_torchscript(origin: Origin, folder: Path) -> None:
    """Write model.ts; the parity gate proves that the trace holds for other batch sizes and lengths."""
    import torch

    example = tuple(torch.from_numpy(array) for array in example_inputs(origin.classifier.encoder).values())
    with quiet(), torch.inference_mode():
        traced = torch.jit.trace(deployed_module(origin), example, check_trace=False)
        buffer = io.BytesIO()  # torch ends the process when it cannot write a file
        torch.jit.save(torch.jit.freeze(traced), buffer)
    rewrite_archive(buffer, folder / "model.ts", left_out=(SOURCE_POSITIONS,))
