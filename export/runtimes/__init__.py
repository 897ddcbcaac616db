"""What runs an exported model. To add a runtime is one file and one line in the table."""

from typing import Protocol

from export.bundle import Bundle
from export.runtimes.run_aotinductor import AotInductorRuntime
from export.runtimes.run_onnxruntime import OnnxRuntime
from export.runtimes.run_openvino import OpenVinoRuntime
from export.runtimes.run_torch import EagerRuntime
from export.runtimes.run_torchscript import TorchScriptRuntime
from export.runtimes.runtime import Runtime


class OpenRuntime(Protocol):
    """Loads a bundle's model with a number of threads on a device, cpu or cuda."""

    def __call__(self, bundle: Bundle, threads: int, device: str = "cpu") -> Runtime:
        """The loaded model."""
        ...


RUNTIMES: dict[str, OpenRuntime] = {
    "torch": EagerRuntime,
    "torchscript": TorchScriptRuntime,
    "aotinductor": AotInductorRuntime,
    "onnxruntime": OnnxRuntime,
    "openvino": OpenVinoRuntime,
}
