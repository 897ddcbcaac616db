"""What a model can be exported to. To add a format is one file that writes it and one line in the table."""

import importlib.util
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from export.formats.here import impossible_here
from export.formats.to_aotinductor import has_compiler, write_aotinductor
from export.formats.to_eager import write_eager, write_eager_bf16
from export.formats.to_onnx import ONNX_SETTINGS
from export.formats.to_onnx_fp16 import FP16_SETTINGS
from export.formats.to_onnx_int8 import INT8_SETTINGS
from export.formats.to_onnx_int8_static import STATIC_SETTINGS
from export.formats.to_openvino import OPENVINO_INT8_SETTINGS, write_openvino, write_openvino_bf16
from export.formats.to_torchscript import write_torchscript
from export.origin import Origin
from materials.errors import RequestError

Write = Callable[[Origin, Path], None]


@dataclass(frozen=True, kw_only=True)
class Exporter:
    """How a format is written and run.

    Each of `settings` gets the origin and the folder to fill; the first whose file passes the parity gate is kept, so
    the safest comes last. A lossy format computes in less than fp32; the gate bounds what that may change.
    `impossible` says, by architecture, why there is no such file; `packages` are those of the extra `openvino`.
    """

    description: str
    settings: Mapping[str, Write]
    runtime: str
    model_file: str
    precision: str = "fp32"
    calibrated: bool = False
    packages: tuple[str, ...] = ()
    impossible: Mapping[str, str] = field(default_factory=dict)

    @property
    def missing_packages(self) -> list[str]:
        """Those of its packages that are not installed."""
        return [name for name in self.packages if importlib.util.find_spec(name) is None]

    @property
    def lossy(self) -> bool:
        """Whether the format computes in less than fp32."""
        return self.precision != "fp32"


ONE_LENGTH = "torch.export writes the steps of an LSTM out for one length"

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
        description="traced and frozen TorchScript (deprecated by torch)",
        settings={"plain": write_torchscript},
        runtime="torchscript",
        model_file="model.ts",
    ),
    "aotinductor": Exporter(
        description="torch.export compiled by AOTInductor, for this kind of processor",
        settings={"plain": write_aotinductor},
        runtime="aotinductor",
        model_file="model.pt2",
        impossible={"bilstm": ONE_LENGTH},
    ),
    "onnx": Exporter(
        description="ONNX, fp32, dynamic batch and length, operators fused for ONNX Runtime",
        settings=ONNX_SETTINGS,
        runtime="onnxruntime",
        model_file="model.onnx",
    ),
    "onnx-fp16": Exporter(
        description="ONNX in fp16, for GPUs",
        settings=FP16_SETTINGS,
        runtime="onnxruntime",
        model_file="model.onnx",
        precision="fp16",
    ),
    "onnx-int8": Exporter(
        description="ONNX with int8 weights, activations quantised as they come",
        settings=INT8_SETTINGS,
        runtime="onnxruntime",
        model_file="model.onnx",
        precision="int8",
        calibrated=True,
    ),
    "onnx-int8-static": Exporter(
        description="ONNX with int8 weights and activations, scales calibrated on real rows (QDQ)",
        settings=STATIC_SETTINGS,
        runtime="onnxruntime",
        model_file="model.onnx",
        precision="int8",
        calibrated=True,
    ),
    "openvino": Exporter(
        description="OpenVINO, fp32",
        settings={"plain": write_openvino},
        runtime="openvino",
        model_file="model.xml",
        packages=("openvino",),
    ),
    "openvino-bf16": Exporter(
        description="OpenVINO computing in bfloat16, weights stored in fp16",
        settings={"plain": write_openvino_bf16},
        runtime="openvino",
        model_file="model.xml",
        precision="bf16",
        packages=("openvino",),
    ),
    "openvino-int8": Exporter(
        description="OpenVINO with int8 weights and activations, calibrated on real rows (NNCF)",
        settings=OPENVINO_INT8_SETTINGS,
        runtime="openvino",
        model_file="model.xml",
        precision="int8",
        calibrated=True,
        packages=("openvino", "nncf"),
    ),
}


def require_formats(names: Iterable[str]) -> None:
    """Raise RequestError when a format needs a package or a compiler that is not installed."""
    for name in names:
        if sentence := refusal(name):
            raise RequestError(sentence)


def refusal(name: str) -> str | None:
    """What a format needs that is not installed, in a sentence; none when all is there."""
    if missing := EXPORTERS[name].missing_packages:
        return f"format {name} needs the package {missing[0]}; install distilbench with its extra 'openvino'"
    if name == "aotinductor" and not has_compiler():
        return "format aotinductor needs a C++ compiler, and none was found; install g++ or set CXX"
    return None


def why_impossible(name: str, architecture: str) -> str | None:
    """Why there is no file of an architecture in a format, anywhere or on this machine; none where there is."""
    if reason := EXPORTERS[name].impossible.get(architecture):
        return reason
    reason_here = impossible_here(name, architecture)
    return f"impossible here: {reason_here}" if reason_here else None
