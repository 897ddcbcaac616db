"""What an exporter starts from: a trained model, rows to calibrate on, and its ONNX graph, made once for all."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from export.quiet import quiet
from training.classifier import Classifier

if TYPE_CHECKING:
    from torch import nn

OPSET = 20


class Unfit(Exception):
    """A setting of an exporter has nothing to do for this model, or cannot hold it."""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """`calibration` holds encoded rows that no gate sees; `scratch` is a folder for what several formats start from."""

    checkpoint: Path
    classifier: Classifier
    calibration: Any
    scratch: Path
    opset: int = OPSET

    @cached_property
    def module(self) -> "nn.Module":
        """The module that goes into a file: the trained one, or what a student is deployed as."""
        import torch

        from students.text_student import TextStudent

        module = self.classifier.module.eval()
        if not isinstance(module, TextStudent):
            return module
        with torch.inference_mode(False):  # whose weights torch.export would refuse
            return module.deployed().eval()

    @cached_property
    def plain_onnx(self) -> Path:
        """The model as torch exports it to ONNX, fp32, before any optimisation."""
        from export.formats.to_onnx import export_onnx

        return export_onnx(self, self.scratch / "plain.onnx")

    @cached_property
    def prepared_onnx(self) -> Path:
        """The plain ONNX file with its constants folded, as the quantisers of ONNX Runtime want it."""
        import onnx
        from onnxruntime.quantization.shape_inference import quant_pre_process

        prepared = self.scratch / "prepared.onnx"
        with quiet():
            quant_pre_process(str(self.plain_onnx), str(prepared), skip_symbolic_shape=True)
            model = onnx.load(prepared)
            del model.graph.value_info[:]  # shapes that folding has made stale, which onnx's shape inference refuses
            onnx.save(model, prepared)
        return prepared

    @cached_property
    def smoothed_onnx(self) -> Path:
        """The prepared file with the outliers of its activations moved into the weights."""
        import onnx

        from export.graphs.smoothing import smooth

        smoothed = self.scratch / "smoothed.onnx"
        model = onnx.load(self.prepared_onnx)
        smooth(model, self)
        onnx.save(model, smoothed)
        return smoothed

    @cached_property
    def most_sensitive_layers(self) -> Sequence[str]:
        """The names of the smoothed file's layers, the one that suffers most from int8 first."""
        import onnx

        from export.graphs.sensitivity import most_sensitive_first

        return most_sensitive_first(self, onnx.load(self.smoothed_onnx))
