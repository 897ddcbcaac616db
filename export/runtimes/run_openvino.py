"""Runs an OpenVINO or ONNX file with OpenVINO on the CPU; needs the extra `openvino`."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from export.bundle import Bundle
from export.openvino_packages import import_openvino
from export.runtimes.runtime import Runtime, RuntimeSettings
from materials.errors import RequestError


class OpenVinoRuntime(Runtime):
    """One compiled model, one stream; the precision is stated, as OpenVINO would silently choose bf16 where it can."""

    def __init__(self, bundle: Bundle, threads: int, device: str = "cpu") -> None:
        openvino = import_openvino("openvino")
        if device != "cpu":
            raise RequestError(f"device is {device}, but OpenVINO files are measured on the cpu only")
        settings = {
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "INFERENCE_PRECISION_HINT": "bf16" if bundle.precision == "bf16" else "f32",
        }
        self.model = openvino.Core().compile_model(str(bundle.model_path), "CPU", settings)
        self.settings = RuntimeSettings(
            intra_op_threads=int(self.model.get_property("INFERENCE_NUM_THREADS")),
            inter_op_threads=int(self.model.get_property("NUM_STREAMS")),
            spinning=None,
            provider=f"CPU {self.model.get_property('INFERENCE_PRECISION_HINT').to_string()}",
        )
        self.output = self.model.output(bundle.output) if bundle.output else self.model.outputs[0]
        self.request = self.model.create_infer_request()
        self.input_names = tuple(model_input.get_any_name() for model_input in self.model.inputs)

    def prepare(self, arrays: Mapping[str, np.ndarray]) -> Any:
        """The arrays by input name."""
        return {name: arrays[name] for name in self.input_names}

    def forward(self, prepared: Any) -> Any:
        """The outputs in OpenVINO's memory."""
        return self.request.infer(prepared, share_inputs=True, share_outputs=True)

    def fetch(self, output: Any) -> np.ndarray:
        """Logits, float32 (batch, labels), copied, since the next call writes to the same memory."""
        return np.array(output[self.output], dtype=np.float32)
