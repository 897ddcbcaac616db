"""Exports a model to one ONNX file with dynamic batch and length, through torch.export, and fuses its operators."""

from collections.abc import Callable, Mapping
from pathlib import Path

from export.graphs.flat_attention import keep_flat
from export.graphs.prepared import plain_onnx
from export.origin import Origin
from export.quiet import quiet

LARGEST_CONSTANT = 2**31


def write_fused_onnx(origin: Origin, folder: Path) -> None:
    """Write model.onnx with attention, normalisation with its residual, and GELU as one operator each.

    Normalisation is by mean and variance, or by the root mean square alone. These operators are ONNX Runtime's own; a
    graph without such patterns stays as it is.
    """
    import onnx_ir
    from onnxscript.optimizer import fold_constants, remove_unused_nodes
    from onnxscript.rewriter.ort_fusions import optimize_for_ort

    with quiet():
        model, _ = optimize_for_ort(onnx_ir.load(str(plain_onnx(origin))))
        keep_flat(model)
        fold_constants(  # the query, key and value weights that fusing has put side by side
            model,
            onnx_shape_inference=False,
            input_size_limit=LARGEST_CONSTANT,
            output_size_limit=LARGEST_CONSTANT,
        )
        remove_unused_nodes(model)
        onnx_ir.save(model, str(folder / "model.onnx"))


def write_plain_onnx(origin: Origin, folder: Path) -> None:
    """Write model.onnx as torch exports it."""
    (folder / "model.onnx").write_bytes(plain_onnx(origin).read_bytes())


ONNX_SETTINGS: Mapping[str, Callable[[Origin, Path], None]] = {
    "fused operators": write_fused_onnx,
    "as torch exports it": write_plain_onnx,
}
