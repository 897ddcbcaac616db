"""Formats, the parity gate, bundles, and runtimes that run a bundle without knowing its model.

To add a format is one file that writes it, one that runs it, and one line in each table.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from export.bundle import Bundle
from export.run_onnxruntime import OnnxRuntime
from export.run_openvino import OpenVinoRuntime
from export.run_torch import EagerRuntime
from export.run_torchscript import TorchScriptRuntime
from export.runtime import Runtime
from export.to_eager import write_eager, write_eager_bf16
from export.to_onnx import write_onnx
from export.to_onnx_int8 import INT8_SETTINGS
from export.to_torchscript import write_torchscript
from training.classifier import Classifier

Write = Callable[[Classifier, Path, Path], None]


class OpenRuntime(Protocol):
    """Loads a bundle's model with a number of threads on a device, cpu or cuda."""

    def __call__(self, bundle: Bundle, threads: int, device: str = "cpu") -> Runtime:
        """The loaded model."""
        ...


@dataclass(frozen=True, kw_only=True)
class Exporter:
    """How a format is written and run.

    Each of `settings` gets the model, the folder it starts from (the checkpoint, or the bundle of the format in
    `after`) and the folder to fill; the first whose file passes the parity gate is kept, so the safest comes last.
    A lossy format computes in less than fp32; the gate bounds what that may change.
    """

    description: str
    settings: Mapping[str, Write]
    runtime: str
    model_file: str
    precision: str = "fp32"
    after: str | None = None

    @property
    def lossy(self) -> bool:
        """Whether the format computes in less than fp32."""
        return self.precision != "fp32"


EXPORTERS: dict[str, Exporter] = {
    "eager": Exporter(
        description="the checkpoint, run by torch",
        settings={"plain": write_eager},
        runtime="torch",
        model_file="model.safetensors",
    ),
    "eager-bf16": Exporter(
        description="the checkpoint in bfloat16, run by torch",
        settings={"plain": write_eager_bf16},
        runtime="torch",
        model_file="model.safetensors",
        precision="bf16",
    ),
    "torchscript": Exporter(
        description="traced and frozen TorchScript",
        settings={"plain": write_torchscript},
        runtime="torchscript",
        model_file="model.ts",
    ),
    "onnx": Exporter(
        description="ONNX, fp32, dynamic batch and length",
        settings={"plain": write_onnx},
        runtime="onnxruntime",
        model_file="model.onnx",
    ),
    "onnx-int8": Exporter(
        description="ONNX with int8 weights, activations quantised as they come",
        settings=INT8_SETTINGS,
        runtime="onnxruntime",
        model_file="model.onnx",
        precision="int8",
        after="onnx",
    ),
}
RUNTIMES: dict[str, OpenRuntime] = {
    "torch": EagerRuntime,
    "torchscript": TorchScriptRuntime,
    "onnxruntime": OnnxRuntime,
    "openvino": OpenVinoRuntime,
}
