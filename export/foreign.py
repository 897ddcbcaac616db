"""Opens any model that can be measured: a bundle, an ONNX or OpenVINO file, or a Hugging Face folder."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from export.bundle import RECORD, Bundle, read_bundle
from materials.errors import RequestError
from materials.files import sha256_of
from materials.weights import WeightsFolder
from training.graph_input import ATTENTION_MASK, INPUT_IDS, GraphInput
from training.text_encoder import ARRAYS

LONGEST = 512
RUNTIME_OF = {".onnx": "onnxruntime", ".xml": "openvino", ".safetensors": "torch"}
BESIDE = ("*.onnx", "*.onnx_data", "*.onnx.data", "*.xml", "*.bin", "*.safetensors")
ONNX_TYPES = {6: "int32", 7: "int64"}


def open_model(
    place: Path, *, label_names: Sequence[str] | None = None, max_length_tokens: int | None = None
) -> Bundle:
    """A bundle, or what somebody else exported, described as one.

    `label_names` gives the labels in the order of the outputs where the model does not name them; texts are cut to
    `max_length_tokens`, by default to what the model's own files say. Raises RequestError when the place holds no
    model that takes a text.
    """
    if (place / RECORD).is_file():
        return read_bundle(place)
    model = _find_model(place)
    folder = next((one for one in (model.parent, model.parent.parent) if (one / "tokenizer.json").is_file()), None)
    if folder is None:
        raise RequestError(f"{model} has no tokenizer.json beside it, so it cannot be given a text; copy it there")
    config = _read_json(model.parent / "config.json") or _read_json(folder / "config.json")
    names = tuple(label_names or _label_names(folder, config))
    if not names:
        raise RequestError(f"{model} does not name its labels; give them in the order of its outputs with --labels")
    graph = _graph_of(model)
    files = [folder / "tokenizer.json", *(file for pattern in BESIDE for file in model.parent.glob(pattern))]
    return Bundle(
        folder=folder,
        format="transformers" if model.suffix == ".safetensors" else model.suffix.removeprefix("."),
        runtime=RUNTIME_OF[model.suffix],
        model_file=str(model.relative_to(folder)),
        precision="fp32",
        architecture=str(config.get("model_type", "unknown")),
        task="classification",
        label_names=names,
        inputs=graph,
        max_length_tokens=max_length_tokens or _longest(folder, config),
        padding=int(config.get("pad_token_id") or 0),
        parameters=_parameters(model),
        made={"from": place.name},
        licences={},
        parity={"status": "none", "reason": None},
        files={str(file.relative_to(folder)): sha256_of(file) for file in files if _belongs(file, model)},
    )


def _find_model(place: Path) -> Path:
    """The one model file in a place. Raises RequestError when there is none, or a choice."""
    if place.is_file() and place.suffix in (".onnx", ".xml"):
        return place
    for pattern in ("*.onnx", "onnx/*.onnx", "*.xml", "*.safetensors"):
        found = sorted(place.glob(pattern)) if place.is_dir() else []
        if len(found) > 1:
            names = ", ".join(str(file.relative_to(place)) for file in found)
            raise RequestError(f"{place} holds several model files ({names}); name one of them")
        if found:
            return found[0]
    raise RequestError(
        f"{place} holds no model; expected a bundle's folder, an .onnx or .xml file with tokenizer.json beside it, or "
        "a folder with config.json, model.safetensors and tokenizer.json"
    )


def _belongs(file: Path, model: Path) -> bool:
    """Whether a file is needed: the tokenizer, the model, or weights that the model keeps in a file of their own."""
    return file.name == "tokenizer.json" or file == model or file.suffix not in RUNTIME_OF


def _label_names(folder: Path, config: dict[str, Any]) -> tuple[str, ...]:
    if not config.get("id2label") and "num_labels" not in config and not config.get("architectures"):
        return ()
    weights = WeightsFolder(path=folder, digest="", licence="")
    return weights.label_names if (folder / "config.json").is_file() and weights.is_classifier else ()


def _longest(folder: Path, config: dict[str, Any]) -> int:
    """The smallest of what the tokenizer, the model and common sense allow."""
    told = _read_json(folder / "tokenizer_config.json").get("model_max_length") or math.inf
    return int(min(told, config.get("max_position_embeddings") or math.inf, LONGEST))


def _graph_of(model: Path) -> tuple[GraphInput, ...]:
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
    return tuple(GraphInput(name=name, dtype=dtype) for name, dtype in named.items())


def _onnx_inputs(model: Path) -> dict[str, str]:
    graph = _read_onnx(model).graph
    weights = {weight.name for weight in graph.initializer}
    types = {one.name: one.type.tensor_type.elem_type for one in graph.input if one.name not in weights}
    return {name: ONNX_TYPES.get(number, f"ONNX {number}") for name, number in types.items()}


def _openvino_inputs(model: Path) -> dict[str, str]:
    import openvino

    graph = openvino.Core().read_model(str(model))
    return {one.get_any_name(): one.get_element_type().to_string().replace("i", "int") for one in graph.inputs}


def _parameters(model: Path) -> int:
    """The number of weights, from the headers of the file; 0 where the format does not say."""
    if model.suffix == ".onnx":
        return sum(math.prod(weight.dims) for weight in _read_onnx(model).graph.initializer)
    if model.suffix == ".safetensors":
        from safetensors import safe_open

        with safe_open(str(model), framework="np") as tensors:
            return sum(math.prod(tensors.get_slice(name).get_shape()) for name in tensors.keys())  # noqa: SIM118
    return 0


def _read_onnx(model: Path) -> Any:
    import onnx

    try:
        return onnx.load(str(model), load_external_data=False)
    except Exception as error:  # protobuf's own errors, which it does not export
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise RequestError(f"{model} cannot be read as ONNX: {reason}") from None


def _read_json(file: Path) -> dict[str, Any]:
    """The object in a JSON file; empty when there is no file. Raises RequestError for a damaged one."""
    if not file.is_file():
        return {}
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise RequestError(f"{file} is damaged: {error}") from None
    return content if isinstance(content, dict) else {}
