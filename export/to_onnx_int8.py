"""Quantises an ONNX file to int8: weights ahead of time, for each channel, activations as they come."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from export.quiet import quiet
from training.classifier import Classifier

Choose = Callable[[Any], dict[str, Any]]


def write_onnx_int8(classifier: Classifier, start: Path, folder: Path, *, choose: Choose) -> None:
    """Write model.onnx from the fp32 model.onnx in `start` (dynamic quantisation of ONNX Runtime).

    `choose` says, for the ONNX model, which nodes are quantised, as keyword arguments of quantize_dynamic.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.shape_inference import quant_pre_process

    prepared = folder / "prepared.onnx"
    try:
        with quiet():
            quant_pre_process(str(start / "model.onnx"), str(prepared), skip_symbolic_shape=True)
            model = onnx.load(prepared)
            del model.graph.value_info[:]  # shapes that folding has made stale, which onnx's shape inference refuses
            options = {"weight_type": QuantType.QInt8, "per_channel": True, **choose(model)}
            quantize_dynamic(model, str(folder / "model.onnx"), **options)
    finally:
        prepared.unlink(missing_ok=True)


def _everything(model: Any) -> dict[str, Any]:
    return {}


def _all_but_contracting(model: Any) -> dict[str, Any]:
    """Leave out matrices with more rows than columns: their inputs, after GELU, have the widest outliers."""
    shapes = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    products = [node for node in model.graph.node if node.op_type in ("MatMul", "Gemm")]
    contracting = [
        node.name
        for node in products
        if any(shape[0] > shape[-1] for name in node.input if len(shape := shapes.get(name, ())) == 2)
    ]
    return {"nodes_to_exclude": contracting}


def _tables_only(model: Any) -> dict[str, Any]:
    return {"op_types_to_quantize": ["Gather"]}


INT8_SETTINGS: Mapping[str, Callable[[Classifier, Path, Path], None]] = {
    "everything": partial(write_onnx_int8, choose=_everything),
    "all but contracting layers": partial(write_onnx_int8, choose=_all_but_contracting),
    "embedding tables only": partial(write_onnx_int8, choose=_tables_only),
}
