"""Halves an ONNX file's weights and arithmetic to fp16, for GPUs; a CPU casts them back at every step."""

from collections.abc import Callable, Mapping
from pathlib import Path

from export.formats.to_onnx import write_fused_onnx, write_plain_onnx
from export.origin import Origin
from export.quiet import quiet

Write = Callable[[Origin, Path], None]


def _halved(write: Write) -> Write:
    def write_onnx_fp16(origin: Origin, folder: Path) -> None:
        """Write model.onnx in fp16, whose inputs and logits keep their types."""
        import onnx
        from onnxruntime.transformers.float16 import convert_float_to_float16
        from onnxruntime.transformers.onnx_model import OnnxModel

        write(origin, folder)
        file = folder / "model.onnx"
        with quiet():
            model = convert_float_to_float16(onnx.load(file), keep_io_types=True, disable_shape_infer=True)
            OnnxModel(model).topological_sort()  # the conversion appends the cast of a float input behind its users
            onnx.save(model, file)

    return write_onnx_fp16


FP16_SETTINGS: Mapping[str, Write] = {
    "fused operators": _halved(write_fused_onnx),
    "as torch exports it": _halved(write_plain_onnx),
}
