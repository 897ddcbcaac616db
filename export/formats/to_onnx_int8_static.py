"""Quantises an ONNX file to int8 with scales of activations fixed ahead of time on calibration rows (QDQ format).

LSTMs get scales as they go: the only int8 kernel that ONNX Runtime has for them is dynamic.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from encoders.token_rows import TokenRows
from export.graphs.layers import also_split, check_quantised
from export.graphs.prepared import layers_to_spare, smoothed_onnx
from export.graphs.root_mean_square import fuse_root_mean_square
from export.origin import Origin, Unfit
from export.quiet import quiet

Write = Callable[[Origin, Path], None]
MOST_ROWS = {"MinMax": 300, "Entropy": 100}  # entropy keeps every activation in memory
LAYERS = ("Conv", "MatMul", "Gemm", "LSTM")
KINDS = (*LAYERS, "Gather")
WEIGHTED = ("MatMul", "Gemm")


def _calibrated(
    method: str,
    *,
    spared: int = 0,
    kinds: Sequence[str] = KINDS,
    reduce_lstms: bool = False,
    reduce_range: bool = False,
) -> Write:
    """A writer that calibrates by `method`, MinMax or Entropy, and leaves the `spared` worst layers in fp32.

    With `reduce_lstms`, LSTM weights have 7 bits, and with `reduce_range` all others: without VNNI, sums of two
    products would overflow.
    """

    def write_onnx_int8_static(origin: Origin, folder: Path) -> None:
        """Write model.onnx by ONNX Runtime's static quantisation of the smoothed graph."""
        import onnx
        from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

        model = onnx.load(smoothed_onnx(origin))
        if "LSTM" in kinds:
            model = _with_int8_lstms(model, folder / "model.onnx", reduce_range=reduce_lstms)
        left_out = layers_to_spare(origin, spared)
        with quiet():
            quantize_static(
                model,
                str(folder / "model.onnx"),
                _reader(origin, method),
                quant_format=QuantFormat.QDQ,
                calibrate_method=CalibrationMethod[method],
                op_types_to_quantize=[kind for kind in kinds if kind != "LSTM"],
                nodes_to_exclude=[*also_split(left_out), *_without_weights(model)],
                per_channel=True,
                reduce_range=reduce_range,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                extra_options={"OpTypesToExcludeOutputQuantization": list(WEIGHTED)},  # floats are what comes next
            )
        check_quantised(folder / "model.onnx")
        fuse_root_mean_square(folder / "model.onnx")

    return write_onnx_int8_static


def _with_int8_lstms(model: Any, path: Path, *, reduce_range: bool) -> Any:
    """The model with its LSTMs quantised, written to the path and read from there; itself when it has none."""
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    if all(node.op_type != "LSTM" for node in model.graph.node):
        if reduce_range:
            raise Unfit("the model has no LSTM")
        return model
    with quiet():
        quantize_dynamic(
            model,
            str(path),
            op_types_to_quantize=["LSTM"],
            per_channel=True,
            reduce_range=reduce_range,
            weight_type=QuantType.QInt8,
        )
    return onnx.load(path)


def _reader(origin: Origin, method: str) -> Any:
    """The calibration rows one at a time, as the quantiser asks for them."""
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.batches = _single_rows(origin, method)

        def get_next(self) -> dict[str, np.ndarray] | None:
            return next(self.batches, None)

    return Reader()


def _single_rows(origin: Origin, method: str) -> Iterator[dict[str, np.ndarray]]:
    """Rows at their own lengths; for entropy, whose histograms want one shape, the longer half cut to the median."""
    rows = origin.calibration
    if method == "Entropy" and isinstance(rows, TokenRows):
        median = int(np.median(rows.lengths))
        rows = rows.take(np.flatnonzero(rows.lengths >= median)).cut(median)
    for _, arrays in origin.classifier.encoder.batches(rows[: MOST_ROWS[method]], 1):
        yield arrays


def _without_weights(model: Any) -> list[str]:
    """Products of two activations, as in attention: they are few, and the first to lose their sense in int8."""
    weights = {tensor.name for tensor in model.graph.initializer}
    return [node.name for node in model.graph.node if node.op_type in WEIGHTED and node.input[1] not in weights]


STATIC_SETTINGS: Mapping[str, Write] = {
    "min-max": _calibrated("MinMax"),
    "min-max, LSTM weights of 7 bits": _calibrated("MinMax", reduce_lstms=True),
    "min-max, weights of 7 bits": _calibrated("MinMax", reduce_range=True),
    "entropy": _calibrated("Entropy"),
    "min-max, all but the 6 most sensitive layers": _calibrated("MinMax", spared=6),
    "min-max, tables in fp32": _calibrated("MinMax", kinds=LAYERS),
    "min-max, tables in fp32, all but the 6 most sensitive layers": _calibrated("MinMax", spared=6, kinds=LAYERS),
    "tables only": _calibrated("MinMax", kinds=("Gather",)),
}
