"""Opens any model that can be measured: a bundle, an ONNX or OpenVINO file, or a Hugging Face folder."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export.bundle import RECORD, Bundle, read_bundle
from export.checkpoint import LONGEST, longest_text, no_classifier
from materials.errors import RequestError
from materials.files import read_json_object, sha256_of
from materials.weights import WeightsFolder
from training.graph_input import ATTENTION_MASK, INPUT_IDS, GraphInput
from training.image_encoder import SETTINGS_FILE
from training.text_encoder import ARRAYS

RUNTIME_OF = {".onnx": "onnxruntime", ".xml": "openvino", ".safetensors": "torch"}
ONNX_TYPES = {6: "int32", 7: "int64"}


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How a model is given what it classifies: by which `file` in which `folder`, into which inputs."""

    modality: str
    folder: Path
    file: str
    inputs: tuple[GraphInput, ...]
    max_length_tokens: int | None = None
    padding: int | None = None


def open_model(
    place: Path, *, label_names: Sequence[str] | None = None, max_length_tokens: int | None = None
) -> Bundle:
    """A bundle, or what somebody else exported, described as one.

    `label_names` gives the labels in the order of the outputs, unless the model names the same ones in an order of its
    own; texts are cut to `max_length_tokens`, and to what the model's own files allow. Raises RequestError when
    the place holds no model that takes a text, or a folder of transformers for images.
    """
    if (place / RECORD).is_file():
        return read_bundle(place)
    model = _find_model(place)
    if _is_of_images(place, model):
        config = read_json_object(model.parent / "config.json")
        names = _label_names(place, model, config, model.parent, label_names)
        return _describe(place, model, config, names, _reading_of_images(model.parent))
    folder = _folder_of_tokenizer(model)
    described = model.parent if (model.parent / "config.json").is_file() else folder
    config = read_json_object(described / "config.json")
    names = _label_names(place, model, config, described, label_names)
    longest = min(max_length_tokens or LONGEST, longest_text(folder, config))
    return _describe(place, model, config, names, _reading_of_texts(model, folder, config, longest))


def _describe(place: Path, model: Path, config: dict[str, Any], names: tuple[str, ...], reading: Reading) -> Bundle:
    return Bundle(
        folder=reading.folder,
        format="transformers" if model.suffix == ".safetensors" else model.suffix.removeprefix("."),
        runtime=RUNTIME_OF[model.suffix],
        model_file=str(model.relative_to(reading.folder)),
        precision="fp32",
        architecture=str(config.get("model_type", "unknown")),
        task="classification",
        label_names=names,
        modality=reading.modality,
        inputs=reading.inputs,
        max_length_tokens=reading.max_length_tokens,
        padding=reading.padding,
        parameters=_parameters(model),
        made={"from": place.name},
        licences={},
        parity={"status": "none", "reason": None},
        files={
            str(file.relative_to(reading.folder)): sha256_of(file)
            for file in (reading.folder / reading.file, model, *_weight_files(model))
        },
    )


def _is_of_images(place: Path, model: Path) -> bool:
    """Whether a model of transformers takes images. Raises RequestError when it has no head that classifies."""
    weights = _weights(model.parent)
    if model.suffix == ".safetensors" and weights.config and weights.modality is None:
        raise no_classifier(place, weights.config)
    return model.suffix == ".safetensors" and weights.modality == "image"


def _reading_of_images(folder: Path) -> Reading:
    from teachers.image_classifier import read_image_encoder

    return Reading(modality="image", folder=folder, file=SETTINGS_FILE, inputs=read_image_encoder(folder).inputs)


def _reading_of_texts(model: Path, folder: Path, config: dict[str, Any], longest: int) -> Reading:
    return Reading(
        modality="text",
        folder=folder,
        file="tokenizer.json",
        inputs=_graph_of(model),
        max_length_tokens=longest,
        padding=int(config.get("pad_token_id") or 0),
    )


def _folder_of_tokenizer(model: Path) -> Path:
    for folder in (model.parent, model.parent.parent):
        if (folder / "tokenizer.json").is_file():
            return folder
    raise RequestError(f"{model} has no tokenizer.json beside it, so it cannot be given a text; copy it there")


def _find_model(place: Path) -> Path:
    """The one model file in a place. Raises RequestError when there is none, or a choice.

    In a model folder of transformers the weights of torch come first, whatever else has been exported beside them.
    """
    if place.is_file() and place.suffix in RUNTIME_OF:
        return place
    patterns = ("*.onnx", "onnx/*.onnx", "*.xml")
    is_model_folder = (place / "config.json").is_file()
    for pattern in ("*.safetensors", *patterns) if is_model_folder else patterns:
        found = sorted(place.glob(pattern)) if place.is_dir() else []
        if len(found) > 1:
            names = ", ".join(str(file.relative_to(place)) for file in found)
            raise RequestError(f"{place} holds several model files ({names}); name one of them, in one file")
        if found:
            return found[0]
    raise RequestError(
        f"{place} holds no model; expected a bundle's folder, an .onnx or .xml file with tokenizer.json beside it, or "
        "a folder with config.json, model.safetensors and tokenizer.json"
    )


def _weight_files(model: Path) -> list[Path]:
    """The files beside a model that hold its weights. Raises RequestError when one is missing."""
    names = {model.with_suffix(".bin").name} if model.suffix == ".xml" else set()
    if model.suffix == ".onnx":
        stored = [entry for weight in _read_onnx(model).graph.initializer for entry in weight.external_data]
        names = {entry.value for entry in stored if entry.key == "location"}
    for name in sorted(names):
        if Path(name).is_absolute() or ".." in Path(name).parts or not (model.parent / name).is_file():
            raise RequestError(f"{model} keeps weights in a file '{name}', which is not beside it; copy it there")
    return [model.parent / name for name in sorted(names)]


def _label_names(
    place: Path, model: Path, config: dict[str, Any], described: Path, label_names: Sequence[str] | None
) -> tuple[str, ...]:
    """The labels in the order of the outputs. Raises RequestError for a model without a head, or without names."""
    own = _own_label_names(described, config)
    names = own if set(own) == set(label_names or own) else tuple(label_names or ())
    if model.suffix == ".safetensors" and not own:
        raise no_classifier(place, config)
    if not names:
        raise RequestError(f"{model} does not name its labels; give them in the order of its outputs with --labels")
    return names


def _own_label_names(folder: Path, config: dict[str, Any]) -> tuple[str, ...]:
    if not config.get("id2label") and "num_labels" not in config and not config.get("architectures"):
        return ()
    weights = _weights(folder)
    return weights.label_names if (folder / "config.json").is_file() and weights.modality else ()


def _weights(folder: Path) -> WeightsFolder:
    return WeightsFolder(path=folder, digest="", licence="")


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
    if INPUT_IDS.name not in named:
        raise RequestError(f"{model} takes no {INPUT_IDS.name}; its inputs are {', '.join(named) or 'none'}")
    return tuple(GraphInput(name=name, dtype=dtype) for name, dtype in named.items())


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


def _parameters(model: Path) -> int | None:
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


def _read_onnx(model: Path) -> Any:
    import onnx

    try:
        return onnx.load(str(model), load_external_data=False)
    except Exception as error:  # protobuf's own errors, which it does not export
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise RequestError(f"{model} cannot be read as ONNX: {reason}") from None
