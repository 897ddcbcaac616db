"""Converts a model to OpenVINO's own files; needs the extra `openvino`."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from export.graphs.openvino_lstm import compress_lstms, lstms_of, quantise_lstms
from export.graphs.prepared import plain_onnx
from export.openvino_packages import import_openvino
from export.origin import Origin
from export.quiet import quiet

Write = Callable[[Origin, Path], None]
CALIBRATION_ROWS = 300


def write_openvino(origin: Origin, folder: Path) -> None:
    """Write model.xml and model.bin in fp32."""
    _save(_convert(origin), folder, compress=False)


def write_openvino_bf16(origin: Origin, folder: Path) -> None:
    """Write model.xml and model.bin with weights halved to fp16; the runtime is told to compute in bf16."""
    _save(_convert(origin), folder, compress=True)


def _write_int8(origin: Origin, folder: Path) -> None:
    """Write model.xml and model.bin, weights and activations in int8, calibrated on real rows (NNCF).

    In a model with LSTMs, only theirs are: of the other layers the weights alone.
    """
    nncf = import_openvino("nncf")
    model = _convert(origin)
    if lstms_of(model):
        model = _compressed(model)
        quantise_lstms(model, _calibration(origin))
    else:
        kind = nncf.ModelType.TRANSFORMER if origin.classifier.architecture == "transformer" else None
        with quiet():
            rows = nncf.Dataset(_calibration(origin))
            model = nncf.quantize(model, rows, subset_size=CALIBRATION_ROWS, model_type=kind)
    _save(model, folder, compress=True)


def _write_int8_weights(origin: Origin, folder: Path) -> None:
    """Write model.xml and model.bin with int8 weights, which are turned back to floats as they are used (NNCF)."""
    model = _compressed(_convert(origin))
    compress_lstms(model)
    _save(model, folder, compress=True)


OPENVINO_INT8_SETTINGS: Mapping[str, Write] = {
    "weights and activations": _write_int8,
    "weights only": _write_int8_weights,
}


def _convert(origin: Origin) -> Any:
    with quiet():
        return import_openvino("openvino").convert_model(str(plain_onnx(origin)))


def _compressed(model: Any) -> Any:
    """The model with the weights of tables and layers in int8, but those of LSTMs (NNCF)."""
    nncf = import_openvino("nncf")
    with quiet():
        return nncf.compress_weights(model, mode=nncf.CompressWeightsMode.INT8_ASYM)


def _save(model: Any, folder: Path, *, compress: bool) -> None:
    with quiet():
        import_openvino("openvino").save_model(model, str(folder / "model.xml"), compress_to_fp16=compress)


def _calibration(origin: Origin) -> Sequence[Mapping[str, np.ndarray]]:
    encoder = origin.classifier.encoder
    return [arrays for _, arrays in encoder.batches(origin.calibration[:CALIBRATION_ROWS], 1)]
