import json
from pathlib import Path

import numpy as np
import pytest

from export.bundle import read_bundle
from export.runtimes.run_onnxruntime import OnnxRuntime, WrongProvider, check_provider, left_to_the_cpu

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"


def node(kind, provider):
    return {"cat": "Node", "args": {"op_name": kind, "provider": provider}}


def test_provider_that_was_asked_for_passes():
    check_provider([CUDA, CPU], CUDA)


@pytest.mark.parametrize(("used", "named"), [([CPU], CPU), ([CPU, CUDA], CPU), ([], "nothing")])
def test_silent_fallback_is_refused(used, named):
    with pytest.raises(WrongProvider, match=f"fell back to {named}; {CUDA} was asked for"):
        check_provider(used, CUDA)


def test_cuda_is_refused_where_onnxruntime_was_built_without_it(tiny_onnx):
    import onnxruntime

    if CUDA in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has CUDA")
    with pytest.raises(WrongProvider, match="onnxruntime-gpu"):
        OnnxRuntime(read_bundle(tiny_onnx), 1, "cuda")


def test_heavy_node_on_the_cpu_is_found_and_shape_arithmetic_is_not():
    events = [
        {"cat": "Session", "name": "model_run"},
        *(node(kind, CPU) for kind in ("Shape", "Gather", "MatMul", "FusedGemm", "MatMul")),
        *(node(kind, CUDA) for kind in ("MatMul", "Conv")),
    ]
    assert left_to_the_cpu(events) == ["FusedGemm", "MatMul"]


def test_nothing_is_found_where_the_device_computes():
    assert left_to_the_cpu([node("Shape", CPU), node("Gather", CPU), node("MatMul", CUDA)]) == []


def test_nodes_are_found_in_a_real_profile(tiny_onnx, tmp_path):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.enable_profiling, options.profile_file_prefix = True, str(tmp_path / "profile")
    session = onnxruntime.InferenceSession(str(tiny_onnx / "model.onnx"), options, providers=[CPU])
    session.run(None, {"input_ids": np.ones((1, 4), dtype=np.int64)})
    kinds = left_to_the_cpu(json.loads(Path(session.end_profiling()).read_text(encoding="utf-8")))
    assert any("Conv" in kind for kind in kinds)
    assert any("Gemm" in kind or "MatMul" in kind for kind in kinds)


@pytest.mark.parametrize(("threads", "spinning"), [(1, False), (2, True)])
def test_settings_are_those_of_the_session(tiny_onnx, threads, spinning):
    settings = OnnxRuntime(read_bundle(tiny_onnx), threads).settings
    assert (settings.intra_op_threads, settings.inter_op_threads, settings.spinning) == (threads, 1, spinning)
    assert settings.provider == CPU
