"""Mends fused attention whose result the model takes as one row a token, as GPT-2's layers do."""

from typing import Any

ATTENTION = ("MultiHeadAttention", "Attention", "GroupQueryAttention")


def keep_flat(model: Any) -> None:
    """Put a Reshape behind each fused attention that has taken the place of one to (tokens, width).

    Fusing takes the last Reshape of attention for the one that puts heads side by side, to (batch, length, width).
    Where a second one to (tokens, width) follows, the optimiser has merged the two, and what comes next refuses three
    dimensions. `model` is of onnx_ir and is changed.
    """
    import onnx_ir as ir

    for node in [node for node in model.graph if node.op_type in ATTENTION and node.domain == "com.microsoft"]:
        flat = node.outputs[0]
        if flat.shape is None or len(flat.shape) != 2 or not isinstance(flat.shape[1], int):
            continue
        size = ir.node("Constant", [], attributes={"value": ir.tensor([-1, flat.shape[1]], dtype=ir.DataType.INT64)})
        reshape = ir.node("Reshape", [flat, size.outputs[0]])
        reshape.outputs[0].shape, reshape.outputs[0].type = flat.shape, flat.type
        flat.replace_all_uses_with(reshape.outputs[0])
        reshape.replace_input_with(0, flat)
        flat.shape = None
        model.graph.insert_after(node, [size, reshape])
