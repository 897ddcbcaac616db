"""Which layers of an ONNX model suffer most from int8, judged on real rows without quantising the whole model."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from export.origin import Origin

PRODUCTS = ("MatMul", "Gemm")
ROWS, BATCH = 64, 16
TINY = 1e-30


def most_sensitive_first(origin: Origin, model_file: Path) -> list[str]:
    """The names of the layers that multiply by a weight matrix, the one with the most quantisation noise first.

    The noise of a layer is the power of the error that int8 inputs (one scale a batch) and int8 weights (one scale a
    column) make in its output, over the power of what differs between the rows of that output: the inverse of the
    signal-to-quantisation-noise ratio, for the signal without its mean.
    """
    import onnx

    model = onnx.load(model_file)
    weights = {tensor.name: tensor for tensor in model.graph.initializer if len(tensor.dims) == 2}
    layers = [node for node in model.graph.node if node.op_type in PRODUCTS and node.input[1] in weights]
    noise = dict.fromkeys((node.name for node in layers), 0.0)
    for inputs in _inputs_of(model, layers, origin):
        for node in layers:
            weight = onnx.numpy_helper.to_array(weights[node.input[1]])
            noise[node.name] += noise_share(inputs[node.input[0]], weight.T if _is_transposed(node) else weight)
    return sorted(noise, key=noise.__getitem__, reverse=True)


def noise_share(inputs: np.ndarray, weight: np.ndarray) -> float:
    """The power of the error of int8 over the variance of the output, inputs (..., width), weight (width, columns)."""
    rows = inputs.reshape(-1, inputs.shape[-1])
    low, high = min(0.0, float(rows.min())), max(0.0, float(rows.max()))
    step = (high - low) / 255 or 1.0
    rounded = np.round((rows - low) / step) * step + low
    steps = np.abs(weight).max(axis=0, keepdims=True) / 127
    steps[steps == 0] = 1.0
    output = rows @ weight
    error = rounded @ (np.round(weight / steps) * steps) - output
    return float((error**2).mean() / max(float(output.var(axis=0).mean()), TINY))


def _inputs_of(model: Any, layers: Sequence[Any], origin: Origin) -> Iterator[Mapping[str, np.ndarray]]:
    """For each batch of calibration rows, the inputs of the layers by name."""
    import onnx
    import onnxruntime

    wanted = sorted({node.input[0] for node in layers})
    known = {output.name for output in (*model.graph.output, *model.graph.input)}
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in wanted if name not in known)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    encoder = origin.classifier.encoder
    for _, arrays in encoder.batches(origin.calibration[:ROWS], BATCH):
        found = session.run(wanted, {one.name: arrays[one.name] for one in session.get_inputs()})
        yield dict(zip(wanted, found, strict=True))


def _is_transposed(node: Any) -> bool:
    return any(attribute.name == "transB" and attribute.i for attribute in node.attribute)
