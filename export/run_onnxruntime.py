"""Runs an ONNX file with ONNX Runtime on the CPU."""

from collections.abc import Mapping

import numpy as np

from export.bundle import Bundle


class OnnxRuntime:
    """One inference session with a fixed number of threads."""

    def __init__(self, bundle: Bundle, threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(str(bundle.model_path), options, providers=["CPUExecutionProvider"])
        self.threads = self.session.get_session_options().intra_op_num_threads
        self.input_names = tuple(graph_input.name for graph_input in self.session.get_inputs())

    def __call__(self, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
        """Logits, float32 (batch, labels)."""
        return self.session.run(None, {name: arrays[name] for name in self.input_names})[0]
