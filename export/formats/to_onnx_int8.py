"""Quantises an ONNX file to int8: weights ahead of time, for each channel, activations as they come."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from export.graphs.layers import also_split, check_quantised
from export.graphs.prepared import layers_to_spare, prepared_onnx, smoothed_onnx
from export.graphs.root_mean_square import fuse_root_mean_square
from export.origin import Origin
from export.quiet import quiet

Write = Callable[[Origin, Path], None]
SMALL_SHARE = 0.5


def _quantised(*, spared: int = 0, reduce_range: bool = False, tables_only: bool = False) -> Write:
    """A writer that leaves the `spared` most sensitive layers in fp32.

    With `reduce_range`, weights have 7 bits, which older processors need lest sums of two products overflow.
    """

    def write_onnx_int8(origin: Origin, folder: Path) -> None:
        """Write model.onnx by ONNX Runtime's dynamic quantisation of the smoothed graph."""
        import onnx
        from onnxruntime.quantization import QuantType, quantize_dynamic

        model = onnx.load(prepared_onnx(origin) if tables_only else smoothed_onnx(origin))
        kinds = ["Gather"] if tables_only else _worthwhile_kinds(model)
        left_out = layers_to_spare(origin, spared)
        with quiet():
            quantize_dynamic(
                model,
                str(folder / "model.onnx"),
                op_types_to_quantize=kinds,
                nodes_to_exclude=also_split(left_out),
                per_channel=True,
                reduce_range=reduce_range,
                weight_type=QuantType.QInt8,
            )
        check_quantised(folder / "model.onnx")
        fuse_root_mean_square(folder / "model.onnx")

    return write_onnx_int8


def _worthwhile_kinds(model: Any) -> list[str]:
    """The kinds of nodes to quantise: convolutions, slower in int8, only where they are most of the file."""
    sizes = {tensor.name: math.prod(tensor.dims) for tensor in model.graph.initializer}
    convolutions = sum(sizes.get(node.input[1], 0) for node in model.graph.node if node.op_type == "Conv")
    kinds = ["MatMul", "Gemm", "Gather", "LSTM"]
    return [*kinds, "Conv"] if convolutions > SMALL_SHARE * sum(sizes.values()) else kinds


INT8_SETTINGS: Mapping[str, Write] = {
    "all layers": _quantised(),
    "all layers, weights of 7 bits": _quantised(reduce_range=True),
    "all but the most sensitive layer": _quantised(spared=1),
    "all but the 3 most sensitive layers": _quantised(spared=3),
    "all but the 6 most sensitive layers": _quantised(spared=6),
    "all but the 12 most sensitive layers": _quantised(spared=12),
    "tables only": _quantised(tables_only=True),
}
