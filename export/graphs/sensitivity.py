"""Which layers of an ONNX model suffer most from int8, judged on real rows without quantising the whole model."""

from typing import Any

import numpy as np

from export.graphs.layers import layer_inputs, weight_of, weighted_layers
from export.origin import Origin

TINY = 1e-30


def most_sensitive_first(origin: Origin, model: Any) -> list[str]:
    """The names of the layers that multiply by a weight matrix, the one with the most quantisation noise first.

    The noise of a layer is the power of the error that int8 inputs (one scale a batch) and int8 weights (one scale a
    column) make in its output, over the power of what differs between the rows of that output: the inverse of the
    signal-to-quantisation-noise ratio, for the signal without its mean.
    """
    weights = {layer.name: weight_of(model, layer) for layer in weighted_layers(model)}
    noise = dict.fromkeys(weights, 0.0)
    for inputs in layer_inputs(model, origin):
        for layer in weighted_layers(model):
            noise[layer.name] += noise_share(inputs[layer.input[0]], weights[layer.name])
    return sorted(noise, key=noise.__getitem__, reverse=True)


def noise_share(inputs: np.ndarray, weight: np.ndarray) -> float:
    """The power of the error of int8 over the variance of the output, inputs (..., width), weight (width, columns)."""
    rows = inputs.reshape(-1, inputs.shape[-1])
    # ONNX Runtime's dynamic quantiser: inputs in 255 steps over a range with zero in it, weights symmetric in +-127.
    low, high = min(0.0, float(rows.min())), max(0.0, float(rows.max()))
    row_step = (high - low) / 255 or 1.0  # any step does for inputs that are all zero
    rounded_rows = np.round((rows - low) / row_step) * row_step + low
    column_steps = np.abs(weight).max(axis=0, keepdims=True) / 127
    column_steps[column_steps == 0] = 1.0
    output = rows @ weight
    error = rounded_rows @ (np.round(weight / column_steps) * column_steps) - output
    return float((error**2).mean() / max(float(output.var(axis=0).mean()), TINY))
