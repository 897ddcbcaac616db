"""A small ONNX file such as somebody else may have written: any outputs in any order, sizes open or fixed."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

WEIGHTS = np.random.default_rng(0).normal(size=(300, 2)).astype(np.float32)
WEIGHTS[0] = 0  # of the padding
SUM, STATES, NUMBER, SHARES = "sum", "states", "number", "shares"


def write_graph(
    folder: Path, outputs: Sequence[tuple[str, str]], *, sizes: tuple[int | str, int | str] = ("batch", "length")
) -> Path:
    """A graph with the sum of each token's weights, these weights, the class's number, and the softmax of the sum.

    `outputs` names them in their order: pairs of a name and what it holds.
    """
    from onnx import TensorProto, helper, numpy_helper, save

    names = {kind: name for name, kind in outputs}
    states, total = names.get(STATES, "states_"), names.get(SUM, "sum_")
    nodes = [
        helper.make_node("Gather", ["weights", "input_ids"], [states]),
        helper.make_node("ReduceSum", [states, "axis"], [total], keepdims=0),
        helper.make_node("ArgMax", [total], [names.get(NUMBER, "number_")], axis=1, keepdims=0),
        helper.make_node("Softmax", [total], [names.get(SHARES, "shares_")], axis=1),
    ]
    described = {
        SUM: (TensorProto.FLOAT, [sizes[0], 2]),
        STATES: (TensorProto.FLOAT, [*sizes, 2]),
        SHARES: (TensorProto.FLOAT, [sizes[0], 2]),
        NUMBER: (TensorProto.INT64, [sizes[0]]),
    }
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, sizes)],
        [helper.make_tensor_value_info(name, *described[kind]) for name, kind in outputs],
        [numpy_helper.from_array(WEIGHTS, "weights"), numpy_helper.from_array(np.array([1]), "axis")],
    )
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), folder / "model.onnx")
    return folder / "model.onnx"
