"""What a model file says of itself: its inputs, how many weights it has, and the files that hold them."""

import math
from pathlib import Path
from typing import Any

from materials.errors import RequestError
from training.graph_input import ATTENTION_MASK, INPUT_IDS, GraphInput
from training.text_encoder import ARRAYS

ONNX_TYPES = {6: "int32", 7: "int64"}


def graph_of(model: Path) -> tuple[GraphInput, ...]:
    """The inputs that the graph names. Raises RequestError for one that no text can fill."""
    if model.suffix == ".safetensors":
        return (INPUT_IDS, ATTENTION_MASK)
    named = _onnx_inputs(model) if model.suffix == ".onnx" else _openvino_inputs(model)
    for name, dtype in named.items():
        if name not in ARRAYS or dtype not in ("int32", "int64"):
            raise RequestError(
                f"{model} takes an input '{name}' of type {dtype}; expected int32 or int64 inputs named "
                f"{', '.join(ARRAYS)}"
            )
    if INPUT_IDS.name not in named:
        raise RequestError(f"{model} takes no {INPUT_IDS.name}; its inputs are {', '.join(named) or 'none'}")
    return tuple(GraphInput(name=name, dtype=dtype) for name, dtype in named.items())


def count_parameters(model: Path) -> int | None:
    """The number of weights, from the headers of the file; none where the format does not say."""
    if model.suffix == ".onnx":
        return sum(math.prod(weight.dims) for weight in _read_onnx(model).graph.initializer)
    if model.suffix == ".safetensors":
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(str(model), framework="np") as tensors:
                return sum(math.prod(tensors.get_slice(name).get_shape()) for name in tensors.keys())  # noqa: SIM118
        except SafetensorError as error:
            raise RequestError(f"{model} is damaged: {error}") from None
    return None


def weight_files(model: Path) -> list[Path]:
    """The files beside a model that hold its weights. Raises RequestError when one is missing."""
    names = {model.with_suffix(".bin").name} if model.suffix == ".xml" else set()
    if model.suffix == ".onnx":
        stored = [entry for weight in _read_onnx(model).graph.initializer for entry in weight.external_data]
        names = {entry.value for entry in stored if entry.key == "location"}
    for name in sorted(names):
        if Path(name).is_absolute() or ".." in Path(name).parts or not (model.parent / name).is_file():
            raise RequestError(f"{model} keeps weights in a file '{name}', which is not beside it; copy it there")
    return [model.parent / name for name in sorted(names)]


def _onnx_inputs(model: Path) -> dict[str, str]:
    graph = _read_onnx(model).graph
    weights = {weight.name for weight in graph.initializer}
    types = {one.name: one.type.tensor_type.elem_type for one in graph.input if one.name not in weights}
    return {name: ONNX_TYPES.get(number, f"ONNX {number}") for name, number in types.items()}


def _openvino_inputs(model: Path) -> dict[str, str]:
    try:
        import openvino

        graph = openvino.Core().read_model(str(model))
    except ImportError:
        raise RequestError(
            f"{model} needs the package openvino; install distilbench with its extra 'openvino'"
        ) from None
    except RuntimeError as error:
        raise RequestError(f"{model} cannot be read by OpenVINO: {str(error).strip().splitlines()[-1]}") from None
    return {one.get_any_name(): one.get_element_type().to_string().replace("i", "int") for one in graph.inputs}


def _read_onnx(model: Path) -> Any:
    import onnx

    try:
        return onnx.load(str(model), load_external_data=False)
    except Exception as error:  # protobuf's own errors, which it does not export
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise RequestError(f"{model} cannot be read as ONNX: {reason}") from None
