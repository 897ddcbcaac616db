"""Moves the outliers of activations into the weights, where int8 has one scale a column (Xiao et al. 2023)."""

from collections import Counter, defaultdict
from typing import Any

import numpy as np

from export.graphs.layers import layer_inputs, weight_of, weighted_layers
from export.origin import Origin

STRENGTH = 0.8  # the authors take 0.5 to 0.9; MiniLM kept most labels at 0.8
SMALLEST = 1e-5


def smooth(model: Any, origin: Origin) -> None:
    """Divide each channel that goes into a layer by a factor, and multiply the layer's weights by it, in place.

    The factor of channel j is max|input_j|^0.8 / max|weight_j|^0.2 (SmoothQuant, equation 4), from calibration rows.
    The model computes the same up to rounding; the division is one product a layer, as what comes before is shared.
    """
    from onnx import helper, numpy_helper

    uses = Counter(name for node in model.graph.node for name in node.input)
    ranges: dict[str, np.ndarray] = {}
    for inputs in layer_inputs(model, origin):
        for name, values in inputs.items():  # the width is the last axis, whatever stands before it
            largest = np.abs(values.reshape(-1, values.shape[-1])).max(axis=0)
            ranges[name] = np.maximum(ranges.get(name, 0), largest)
    readers = defaultdict(list)
    for layer in weighted_layers(model):
        if layer.op_type == "MatMul" and uses[layer.input[1]] == 1:  # a weight that several layers share stays
            readers[layer.input[0]].append(layer)
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    for name, layers in readers.items():
        factors = smoothing_factors(ranges[name], [weight_of(model, layer) for layer in layers])
        for layer in layers:
            weight = weight_of(model, layer) * factors[:, None]
            tensors[layer.input[1]].CopyFrom(numpy_helper.from_array(weight, layer.input[1]))
        divisor = numpy_helper.from_array(1 / factors, f"{name}/smoothing_factors")
        product = helper.make_node("Mul", [name, divisor.name], [f"{name}/smoothed"], name=f"{name}/smoothing")
        # The product goes before the first layer that reads it, as ONNX wants nodes in order.
        first_reader = min(number for number, node in enumerate(model.graph.node) if node in layers)
        for layer in layers:
            layer.input[0] = product.output[0]
        model.graph.initializer.append(divisor)
        model.graph.node.insert(first_reader, product)


def smoothing_factors(inputs: np.ndarray, weights: list[np.ndarray]) -> np.ndarray:
    """One factor a channel, float32 (width,), of geometric mean 1, from the inputs' largest absolute values (width,).

    `weights` are the matrices (width, columns) of all layers that read these channels.
    """
    largest = np.max([np.abs(weight).max(axis=1) for weight in weights], axis=0)
    factors = np.maximum(inputs, SMALLEST) ** STRENGTH / np.maximum(largest, SMALLEST) ** (1 - STRENGTH)
    # A factor common to all channels changes no int8 number, so the geometric mean of 1 only keeps values in range.
    return (factors / np.exp(np.log(factors).mean())).astype(np.float32)
