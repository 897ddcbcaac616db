"""Exports a model to one ONNX file with dynamic batch and length, through torch.export, and fuses its operators."""

from collections.abc import Callable, Mapping
from pathlib import Path

from export.gate.example import example_inputs
from export.origin import OPSET, Origin, Unfit
from export.quiet import quiet
from materials.errors import RequestError

LARGEST_CONSTANT = 2**31
LARGEST_WEIGHTS_BYTES = 1536 * 2**20  # above it, torch writes a second file


def export_onnx(origin: Origin, file: Path) -> Path:
    """Write the model as torch exports it, weights inside, with named inputs and dynamic axes from its graph inputs.

    Raises RequestError for an opset that cannot express the model, and Unfit for weights that fit no single file.
    """
    import torch

    size = sum(one.nbytes for one in (*origin.module.parameters(), *origin.module.buffers()))
    if size > LARGEST_WEIGHTS_BYTES:
        raise Unfit(f"weights of {size / 1e9:.1f} GB do not fit one ONNX file ({LARGEST_WEIGHTS_BYTES / 1e9:.1f} GB)")
    encoder = origin.classifier.encoder
    example = example_inputs(encoder)
    shapes = tuple(
        {axis: name for axis, name in enumerate(graph_input.dimensions) if isinstance(name, str)}
        for graph_input in encoder.inputs
    )
    with quiet(), torch.inference_mode():
        program = torch.onnx.export(
            origin.module,
            tuple(torch.from_numpy(array) for array in example.values()),
            dynamo=True,
            dynamic_shapes=shapes,
            input_names=list(example),
            output_names=["logits"],
            opset_version=origin.opset,
            verbose=False,
        )
    if program is None:
        raise RuntimeError("the ONNX exporter returned no program")
    if program.model.opset_imports[""] != origin.opset:  # it keeps the one it has, without an error
        raise RequestError(
            f"opset {origin.opset} cannot express this model; torch's exporter gave opset "
            f"{program.model.opset_imports['']} instead; choose one that it can, such as {OPSET}"
        )
    program.save(str(file), external_data=False)
    return file


def write_fused_onnx(origin: Origin, folder: Path) -> None:
    """Write model.onnx with attention, layer normalisation with its residual, and GELU as one operator each.

    These operators are ONNX Runtime's own; a graph without such patterns stays as it is.
    """
    import onnx_ir
    from onnxscript.optimizer import fold_constants, remove_unused_nodes
    from onnxscript.rewriter.ort_fusions import optimize_for_ort

    with quiet():
        model, _ = optimize_for_ort(onnx_ir.load(str(origin.plain_onnx)))
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
    (folder / "model.onnx").write_bytes(origin.plain_onnx.read_bytes())


ONNX_SETTINGS: Mapping[str, Callable[[Origin, Path], None]] = {
    "fused operators": write_fused_onnx,
    "as torch exports it": write_plain_onnx,
}
