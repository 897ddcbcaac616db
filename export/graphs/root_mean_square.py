"""Makes one operator of each normalisation by the root mean square in a quantised ONNX file."""

from pathlib import Path

from export.quiet import quiet


def fuse_root_mean_square(file: Path) -> None:
    """Rewrite the file with ONNX Runtime's operators for it, with the residual where one is added; others stay.

    This comes after quantising, as ONNX Runtime's quantisers do not know what type its own operators give. ONNX Runtime
    fuses LayerNormalization itself when it opens a file; this normalisation, as torch writes it, it does not recognise.
    """
    import onnx_ir
    from onnx_ir.passes.common import ShapeInferencePass
    from onnxscript.optimizer import remove_unused_nodes
    from onnxscript.rewriter.ort_fusions.rms_normalization import fuse_rms_normalization
    from onnxscript.rewriter.ort_fusions.skip_normalization import fuse_skip_rms_normalization

    model = onnx_ir.load(str(file))
    if all(node.op_type != "Reciprocal" for node in model.graph):
        return
    with quiet():
        ShapeInferencePass()(model)
        if fuse_rms_normalization(model):
            fuse_skip_rms_normalization(model)
            remove_unused_nodes(model)
            onnx_ir.save(model, str(file))
