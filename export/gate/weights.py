"""Whether the rounded weights of an ONNX file are those of the fp32 graph that it was made from, one by one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

QUANTISED = "_quantized"  # which ONNX Runtime's quantisers put behind the name of a weight
LARGEST_STEPS = 0.6  # rounding to the nearest step is off by half of one
FP32_SHARE = 1e-6
FP16_SHARE, FP16_LEAST, FP16_MOST = 1e-3, 1e-6, 65504.0  # fp16 has 11 bits, and ends at 65504
LSTM_SCALES = {1: 8, 2: 10}  # the input of a DynamicQuantizeLSTM that holds the scales of its weights


def why_weights_differ(file: Path, starts: Sequence[Path]) -> str | None:
    """The first weight of an int8 or fp16 file that is no rounding of the one of its name in an fp32 graph.

    `starts` are the graphs that the file may have been made from. Weights that an exporter has folded into others have
    other names, and are left to the logits. None when nothing differs.
    """
    import onnx
    from onnx import numpy_helper

    model = onnx.load(file)
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    expected: dict[str, list[np.ndarray]] = {}
    for start in starts:
        for weight in onnx.load(start).graph.initializer:
            if weight.data_type == onnx.TensorProto.FLOAT and weight.dims:
                expected.setdefault(weight.name, []).append(numpy_helper.to_array(weight))
    turns = _turns(model, tensors)
    for name, arrays in expected.items():
        # Fusing operators makes new weights, under any name but that of a parameter, which has a dot.
        if name in tensors and ("." in name or tensors[name].data_type != onnx.TensorProto.FLOAT16):
            actual = numpy_helper.to_array(tensors[name])
            if not any(_is_rounded(actual, turned) for array in arrays for turned in _turned(array)):
                return f"its weights '{name}' are not those of the trained model"
        for turn in turns.get(name + QUANTISED, []):
            if not any(_is_quantised(turn, turned) for array in arrays for turned in _turned(array)):
                return f"its weights '{name}' times their scales are not those of the trained model"
    return None


@dataclass(frozen=True)
class _Turn:
    """Integer weights, and the scales and zero points by which the graph turns them to floats."""

    numbers: np.ndarray
    scales: np.ndarray
    zeros: np.ndarray


def _turned(weights: np.ndarray) -> list[np.ndarray]:
    """The weights, and transposed, as ONNX Runtime turns a Gemm into a MatMul."""
    return [weights, np.swapaxes(weights, -1, -2)] if weights.ndim > 1 else [weights]


def _is_rounded(actual: np.ndarray, expected: np.ndarray) -> bool:
    """Whether floats are the same, or the nearest in fp16 where both can be; other shapes and kinds are not judged."""
    if sorted(actual.shape) != sorted(expected.shape) or actual.dtype.kind != "f":
        return True
    if actual.shape != expected.shape:
        return False
    if actual.dtype != np.float16:
        return np.array_equal(actual, expected)
    difference = np.abs(actual.astype(np.float32) - expected)
    return bool(np.all((difference <= FP16_SHARE * np.abs(expected) + FP16_LEAST) | (np.abs(expected) > FP16_MOST)))


def _is_quantised(turn: _Turn, expected: np.ndarray) -> bool:
    """Whether integers times their scales are within rounding of `expected`, along whichever axis the scales go."""
    if turn.numbers.shape != expected.shape:
        return False
    for shape in _along_axes(turn.scales, expected):
        scales = turn.scales.reshape(shape)
        zeros = turn.zeros.reshape(shape if turn.zeros.size > 1 else ())
        difference = np.abs(expected - (turn.numbers - zeros) * scales)
        if np.all(difference <= LARGEST_STEPS * scales + FP32_SHARE * np.abs(expected)):
            return True
    return False


def _along_axes(scales: np.ndarray, weights: np.ndarray) -> list[tuple[int, ...]]:
    """The shapes in which scales may go with weights: one for all, or one for each place of one axis."""
    if scales.size == 1:
        return [(1,) * weights.ndim]
    axes = [axis for axis, size in enumerate(weights.shape) if size == scales.size]
    shapes = [tuple(scales.size if number == axis else 1 for number in range(weights.ndim)) for axis in axes]
    # An LSTM of two directions has scales of two axes.
    return [*shapes, (*scales.shape[:1], 1, *scales.shape[1:])] if scales.ndim == 2 else shapes


def _turns(model: Any, tensors: Mapping[str, Any]) -> dict[str, list[_Turn]]:
    """By the name of integer weights, how each node that reads them turns them, or its product, to floats."""
    readers: dict[str, list[Any]] = {}
    for node in model.graph.node:
        for value in node.input:
            readers.setdefault(value, []).append(node)
    makers = {value: node for node in model.graph.node for value in node.output}
    turns: dict[str, list[_Turn]] = {}
    for name in tensors:
        for scale, zero in _scales_of(name, readers, makers) if name.endswith(QUANTISED) else ():
            if scale in tensors:
                numbers, scales = _floats(tensors[name]), _floats(tensors[scale])
                zeros = _floats(tensors[zero]) if zero in tensors else np.zeros(1)
                turns.setdefault(name, []).append(_Turn(numbers, scales, zeros))
    return turns


def _floats(tensor: Any) -> np.ndarray:
    from onnx import numpy_helper

    return numpy_helper.to_array(tensor).astype(np.float64)  # biases have 32 bits, more than fp32 tells apart


def _scales_of(name: str, readers: Mapping[str, Sequence[Any]], makers: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The names of what may be scales and zero points of integer weights, by how the graph uses them."""
    for node in readers.get(name, []):
        if node.op_type == "DequantizeLinear":
            yield node.input[1], _input(node, 2)
        elif node.op_type == "Gather":
            after = [reader for reader in readers.get(node.output[0], []) if reader.op_type == "DequantizeLinear"]
            yield from ((reader.input[1], _input(reader, 2)) for reader in after)
        elif node.op_type in ("MatMulInteger", "ConvInteger"):
            # The product is cast, then multiplied by the product of the input's scale and that of the weights.
            casts = readers.get(node.output[0], [])
            products = [reader for cast in casts for reader in readers.get(cast.output[0], [])]
            factors = [makers[value] for product in products for value in product.input if value in makers]
            scales = [value for factor in factors if factor.op_type == "Mul" for value in factor.input]
            yield from ((scale, _input(node, 3)) for scale in scales)
        elif node.op_type == "DynamicQuantizeLSTM":
            places = [scale for place, scale in LSTM_SCALES.items() if node.input[place] == name]
            yield from ((node.input[place], node.input[place + 1]) for place in places)


def _input(node: Any, place: int) -> str:
    """The name of a node's input, empty where it is left out."""
    return node.input[place] if place < len(node.input) else ""
