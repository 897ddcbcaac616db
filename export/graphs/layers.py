"""The layers of an ONNX model that multiply by a weight matrix, and what goes into them on calibration rows."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from export.origin import Origin, Unfit

PRODUCTS = ("MatMul", "Gemm")
ROWS, BATCH = 64, 16


def weighted_layers(model: Any) -> list[Any]:
    """The nodes that multiply their first input by a matrix of the file."""
    matrices = {tensor.name for tensor in model.graph.initializer if len(tensor.dims) == 2}
    return [node for node in model.graph.node if node.op_type in PRODUCTS and node.input[1] in matrices]


def weight_of(model: Any, layer: Any) -> np.ndarray:
    """The matrix of a layer, (width of its input, width of its output)."""
    from onnx import numpy_helper

    weight = numpy_helper.to_array(next(tensor for tensor in model.graph.initializer if tensor.name == layer.input[1]))
    transposed = any(attribute.name == "transB" and attribute.i for attribute in layer.attribute)
    return weight.T if transposed else weight


def check_quantised(file: Path) -> None:
    """Raise Unfit for an ONNX file that holds no weight in int8, as that of a model without a table may."""
    import onnx

    kinds = (onnx.TensorProto.INT8, onnx.TensorProto.UINT8)
    if not any(tensor.data_type in kinds and len(tensor.dims) > 1 for tensor in onnx.load(file).graph.initializer):
        raise Unfit("the model has no weights of this kind")


def also_split(names: Sequence[str]) -> list[str]:
    """The names of layers, and those that ONNX Runtime's dynamic quantiser gives to their products: it splits Gemm."""
    return [*names, *(f"{name}_MatMul" for name in names)]


def layer_inputs(model: Any, origin: Origin) -> Iterator[Mapping[str, np.ndarray]]:
    """Yield the layers' first inputs by name for each batch of up to 64 calibration rows; nothing without layers."""
    import onnx
    import onnxruntime

    input_names = sorted({node.input[0] for node in weighted_layers(model)})
    if not input_names:  # for which ONNX Runtime would give all outputs
        return
    probe = onnx.ModelProto()  # a copy, as the added outputs must not end up in the model
    probe.CopyFrom(model)
    declared_names = {output.name for output in (*model.graph.output, *model.graph.input)}
    probe.graph.output.extend(
        onnx.helper.make_empty_tensor_value_info(name) for name in input_names if name not in declared_names
    )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(probe.SerializeToString(), options, providers=["CPUExecutionProvider"])
    encoder = origin.classifier.encoder
    for _, arrays in encoder.batches(origin.calibration[:ROWS], BATCH):
        feeds = {graph_input.name: arrays[graph_input.name] for graph_input in session.get_inputs()}
        yield dict(zip(input_names, session.run(input_names, feeds), strict=True))
