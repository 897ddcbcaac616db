"""Whether values inside an fp16 file exceed what fp16 can hold, which a CPU hides, as it computes in fp32."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from encoders.encoder import Encoder

LARGEST = 65504
PRODUCTS = (
    "MatMul",
    "Gemm",
    "Conv",
    "Attention",
    "LayerNormalization",
)  # of weights and values, so never -inf by design


def why_overflows(file: Path, encoder: Encoder, rows: Any) -> str | None:
    """The first value in the graph that is not finite for one of the encoded `rows`, each by itself; none if all are.

    Every value becomes an output, for which ONNX Runtime casts it to its own type: past 65504, fp16 has infinity.
    """
    import onnx
    import onnxruntime

    model = onnx.load(file)
    names = {output.name for output in model.graph.output}
    # A sequence of arrays is no array, and what is taken out of it has a name of its own.
    nodes = [node for node in model.graph.node if "Sequence" not in node.op_type]
    makers = {name: node for node in nodes for name in node.output if name}
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in makers if name not in names)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    for _, arrays in encoder.batches(rows, 1):
        feeds = {graph_input.name: arrays[graph_input.name] for graph_input in session.get_inputs()}
        values = dict(zip(makers, session.run(list(makers), feeds), strict=True))
        if reason := _first_overflow(makers, values):
            return reason
    return None


def _first_overflow(makers: Mapping[str, Any], values: Mapping[str, np.ndarray]) -> str | None:
    for name, node in makers.items():
        if values[name].dtype != np.float16:
            continue
        may_mask = not any(kind in node.op_type for kind in PRODUCTS)  # -inf is how places are left out of a softmax
        if not np.isfinite(values[name][~np.isneginf(values[name])] if may_mask else values[name]).all():
            return f"values inside it exceed the largest of fp16, {LARGEST}: {node.op_type} '{name}' is not finite"
    return None
