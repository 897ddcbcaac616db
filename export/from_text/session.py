"""Opens ONNX files whose operators for texts are those of onnxruntime-extensions."""

from pathlib import Path
from typing import Any

from materials.errors import RequestError


def open_session(file: Path, *, threads: int = 1, fused: bool = True) -> Any:
    """An inference session on the CPU; `fused` says whether ONNX Runtime may join operators, as it does by default.

    Raises RequestError when onnxruntime-extensions is not installed.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.register_custom_ops_library(extensions_library())
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    if not fused:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def extensions_library() -> str:
    """The path of the operators' library. Raises RequestError when onnxruntime-extensions is not installed."""
    try:
        import onnxruntime_extensions
    except ImportError:
        raise RequestError(
            "a file that takes texts needs the package onnxruntime-extensions; install distilbench with its extra "
            "'text-graph'"
        ) from None
    return onnxruntime_extensions.get_library_path()
