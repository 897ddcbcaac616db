"""Runs an ONNX file with ONNX Runtime, on the CPU or on a CUDA device."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from export.bundle import Bundle
from export.runtimes.runtime import Runtime, RuntimeSettings

SPINNING = "session.intra_op.allow_spinning"
HEAVY = ("MatMul", "Gemm", "Conv", "LSTM", "GRU", "Attention", "LayerNormalization", "Gelu")
PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


class WrongProvider(RuntimeError):
    """ONNX Runtime would compute elsewhere than asked, which it does without an error."""


class OnnxRuntime(Runtime):
    """One inference session with a fixed number of threads; idle threads spin only where there are several."""

    def __init__(self, bundle: Bundle, threads: int, device: str = "cpu") -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry(SPINNING, "1" if threads > 1 else "0")
        provider = PROVIDERS[device]
        if provider not in onnxruntime.get_available_providers():
            raise WrongProvider(f"this onnxruntime has no {provider}; install onnxruntime-gpu for device cuda")
        options.enable_profiling = device != "cpu"  # only until the first call has shown where the nodes run
        options.profile_file_prefix = str(Path(tempfile.gettempdir()) / "distilbench")
        self.session = onnxruntime.InferenceSession(str(bundle.model_path), options, providers=[provider])
        check_provider(self.session.get_providers(), provider)
        actual_options = self.session.get_session_options()
        self.settings = RuntimeSettings(
            intra_op_threads=actual_options.intra_op_num_threads,
            inter_op_threads=actual_options.inter_op_num_threads,
            spinning=actual_options.get_session_config_entry(SPINNING) == "1",
            provider=self.session.get_providers()[0],
        )
        self.device = device
        self.output_name = bundle.output or self.session.get_outputs()[0].name
        self.input_names = tuple(graph_input.name for graph_input in self.session.get_inputs())
        if device != "cpu":
            self._prove_on_device(bundle)

    def prepare(self, arrays: Mapping[str, np.ndarray]) -> Any:
        """The arrays by input name; on a GPU, a binding of copies of them there."""
        feeds = {name: arrays[name] for name in self.input_names}
        return feeds if self.device == "cpu" else self._bind(feeds)

    def forward(self, prepared: Any) -> Any:
        """The session's scores; on a GPU, the binding that holds them there."""
        if self.device == "cpu":
            return self.session.run([self.output_name], prepared)
        self.session.run_with_iobinding(prepared)
        return prepared

    def fetch(self, output: Any) -> np.ndarray:
        """Logits, float32 (batch, labels)."""
        scores = output[0] if self.device == "cpu" else output.get_outputs()[0].numpy()
        return scores.astype(np.float32, copy=False)

    def _bind(self, feeds: Mapping[str, np.ndarray]) -> Any:
        """Inputs copied by way of pinned memory, and outputs left on the device."""
        import torch

        binding = self.session.io_binding()
        binding.copies = [torch.from_numpy(array).pin_memory().to("cuda") for array in feeds.values()]
        for (name, array), copy in zip(feeds.items(), binding.copies, strict=True):
            binding.bind_input(name, "cuda", 0, array.dtype, array.shape, copy.data_ptr())
        binding.bind_output(self.output_name, "cuda")
        return binding

    def _prove_on_device(self, bundle: Bundle) -> None:
        """Run once under the profiler. Raises WrongProvider when what costs time was left to the CPU."""
        self(
            {
                graph_input.name: np.ones(graph_input.shape(batch=1, length=4), dtype=graph_input.dtype)
                for graph_input in bundle.inputs
            }
        )
        profile = Path(self.session.end_profiling())
        events = json.loads(profile.read_text(encoding="utf-8"))
        profile.unlink()
        if node_kinds := left_to_the_cpu(events):
            raise WrongProvider(f"ONNX Runtime runs {', '.join(node_kinds)} on the CPU, silently; CUDA was asked for")


def left_to_the_cpu(events: Sequence[Mapping[str, Any]]) -> list[str]:
    """The kinds of heavy nodes that a profile shows on the CPU; shape arithmetic is there by design."""
    nodes = [event.get("args", {}) for event in events if event.get("cat") == "Node"]
    on_cpu = {str(node.get("op_name", "")) for node in nodes if node.get("provider") == PROVIDERS["cpu"]}
    return sorted(name for name in on_cpu if any(heavy in name for heavy in HEAVY))


def check_provider(providers: Sequence[str], provider: str) -> None:
    """Raise WrongProvider when the session's first provider is not the one that was asked for."""
    if not providers or providers[0] != provider:
        raise WrongProvider(
            f"ONNX Runtime fell back to {providers[0] if providers else 'nothing'}; {provider} was asked for"
        )
