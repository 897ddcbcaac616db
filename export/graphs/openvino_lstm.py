"""int8 for the LSTMs of an OpenVINO model: NNCF leaves them in fp32, or in a form that the CPU plugin cannot load."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from export.openvino_packages import import_openvino

INPUT, STATE, INPUT_WEIGHT, STATE_WEIGHT = 0, 1, 4, 5  # ports of LSTMSequence
WEIGHTS = (INPUT_WEIGHT, STATE_WEIGHT)
STEPS = 127
TINY = 1e-12


def lstms_of(model: Any) -> list[Any]:
    """The LSTMs of an OpenVINO model."""
    return [node for node in model.get_ordered_ops() if node.get_type_name() == "LSTMSequence"]


def compress_lstms(model: Any) -> None:
    """Store the LSTMs' weights in int8, one scale a row; they are turned back to fp32 when the file is loaded."""
    for lstm in lstms_of(model):
        for port in WEIGHTS:
            weight = _weight(lstm, port)
            _store(lstm, port, weight, np.abs(weight).max(axis=2, keepdims=True))


def quantise_lstms(model: Any, calibration: Iterable[Mapping[str, np.ndarray]]) -> None:
    """Let the LSTMs compute in int8, all of them with one scale of activations and one of weights.

    The CPU plugin (OpenVINO 2026.4) takes the scale of an LSTM's input for its state too, the scales of its input's
    weights for its state's, and gives LSTMs of one shape the kernel of the first. So inputs are divided by the largest
    one of the calibration rows, which brings them to -1..1 as states are, and their weights are multiplied by it.
    """
    lstms = lstms_of(model)
    largest_input = _largest_input(model, lstms, calibration)
    weights = [(_weight(lstm, INPUT_WEIGHT) * largest_input, _weight(lstm, STATE_WEIGHT)) for lstm in lstms]
    largest_weight = max(np.abs(weight).max() for pair in weights for weight in pair)
    for lstm, pair in zip(lstms, weights, strict=True):
        _round(lstm, INPUT, largest_input)
        _round(lstm, STATE, 1.0)
        for port, weight in zip(WEIGHTS, pair, strict=True):
            _store(lstm, port, weight, np.full((*weight.shape[:2], 1), largest_weight))


def _weight(lstm: Any, port: int) -> np.ndarray:
    """The constant (directions, 4 x hidden, width) that goes into a port."""
    return np.array(lstm.input_value(port).get_node().data)


def _largest_input(model: Any, lstms: list[Any], calibration: Iterable[Mapping[str, np.ndarray]]) -> float:
    """The largest absolute value that goes into any of the LSTMs on the calibration rows."""
    openvino = import_openvino("openvino")
    probe = openvino.Model([lstm.input_value(INPUT) for lstm in lstms], model.get_parameters(), "inputs")
    compiled_probe = openvino.compile_model(probe, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return max(float(np.abs(values).max()) for arrays in calibration for values in compiled_probe(arrays).values())


def _round(lstm: Any, port: int, largest: float) -> None:
    """Round what goes into a port to 256 steps from -largest, and scale it to -1..1."""
    opset = import_openvino("openvino").opset13
    # 128 steps below zero and 127 above, as int8 has them, so that zero itself is a step.
    ranges = [opset.constant(np.float32(end)) for end in (-largest, largest * STEPS / 128, -1.0, STEPS / 128)]
    lstm.input(port).replace_source_output(opset.fake_quantize(lstm.input_value(port), *ranges, 256).output(0))


def _store(lstm: Any, port: int, weight: np.ndarray, largest: np.ndarray) -> None:
    """Put a weight into a port as int8 times a scale, float32 (directions, 4 x hidden, 1), for its largest values."""
    opset = import_openvino("openvino").opset13
    scale = (np.maximum(largest, TINY) / STEPS).astype(np.float32)
    # int8, convert, multiply: the form in which OpenVINO knows a quantised weight.
    int8_weight = opset.convert(opset.constant(np.round(weight / scale).astype(np.int8)), "f32")
    lstm.input(port).replace_source_output(opset.multiply(int8_weight, opset.constant(scale)).output(0))
