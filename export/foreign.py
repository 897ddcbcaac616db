"""Opens any model that can be measured: a bundle, an ONNX or OpenVINO file, or a Hugging Face folder."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from encoders.graph_input import GraphInput
from encoders.image_encoder import SETTINGS_FILE
from export.bundle import RECORD, Bundle, read_bundle
from export.checkpoint import longest_text, no_classifier
from export.model_file import count_parameters, graph_of, weight_files
from export.model_outputs import name_of_scores
from materials.errors import RequestError
from materials.files import read_json_object, sha256_of
from materials.positions import LONGEST
from materials.shards import shards_of
from materials.tasks import task_of
from materials.tasks.task import Task
from materials.weights import WeightsFolder

RUNTIME_OF = {".onnx": "onnxruntime", ".xml": "openvino", ".safetensors": "torch"}


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
    place: Path,
    *,
    label_names: Sequence[str] | None = None,
    max_length_tokens: int | None = None,
    modality: str | None = None,
) -> Bundle:
    """A bundle, or what somebody else exported, described as one.

    `label_names` gives the labels in the order of the outputs, unless the model names the same ones in an order of its
    own; texts are cut to `max_length_tokens`, and to what the model's own files allow. Somebody else's model of texts
    reads pairs of them where `modality` is pair. Raises RequestError when the place holds no model that takes a text,
    or a folder of transformers for images.
    """
    if (place / RECORD).is_file():
        return read_bundle(place)
    model = _find_model(place)
    if _is_of_images(place, model):
        config = read_json_object(model.parent / "config.json")
        names = _label_names(model, config=config, described=model.parent, wanted=label_names)
        reading = _reading_of_images(model.parent)
        return _describe(place, model, described=model.parent, names=names, reading=reading)
    folder = _folder_of_tokenizer(model)
    described = model.parent if (model.parent / "config.json").is_file() else folder
    config = read_json_object(described / "config.json")
    names = _label_names(model, config=config, described=described, wanted=label_names)
    longest = min(max_length_tokens or LONGEST, longest_text(folder, config))
    reading = _reading_of_texts(model, folder, config=config, longest=longest, modality=modality or "text")
    return _describe(place, model, described=described, names=names, reading=reading)


def _describe(place: Path, model: Path, *, described: Path, names: tuple[str, ...], reading: Reading) -> Bundle:
    """`described` is the folder of its config.json, if it has any."""
    config = read_json_object(described / "config.json")
    return Bundle(
        folder=reading.folder,
        format="transformers" if model.suffix == ".safetensors" else model.suffix.removeprefix("."),
        runtime=RUNTIME_OF[model.suffix],
        model_file=str(model.relative_to(reading.folder)),
        precision="fp32",
        architecture=str(config.get("model_type", "unknown")),
        task=_task(described, config, names),
        label_names=names,
        modality=reading.modality,
        inputs=reading.inputs,
        max_length_tokens=reading.max_length_tokens,
        padding=reading.padding,
        parameters=count_parameters(model),
        made={"from": place.name},
        licences={},
        parity={"status": "none", "reason": None},
        exported={},
        output=name_of_scores(model, len(names)),
        files={
            str(file.relative_to(reading.folder)): sha256_of(file)
            for file in (reading.folder / reading.file, model, *weight_files(model))
        },
    )


def _task(folder: Path, config: dict[str, Any], names: Sequence[str]) -> Task:
    """What a model's configuration says is asked of it; without one, by the number of its outputs."""
    named = _weights(folder).task_name if config.get("problem_type") else None
    if named == "regression" and len(names) > 1:
        raise RequestError(f"{folder} has the problem_type 'regression' and {len(names)} outputs; expected one number")
    return task_of(named or ("regression" if len(names) == 1 else "single-label"))


def _is_of_images(place: Path, model: Path) -> bool:
    """Whether a model of transformers takes images. Raises RequestError when it has no head that classifies."""
    weights = _weights(model.parent)
    if model.suffix == ".safetensors" and weights.config and weights.modality is None:
        raise no_classifier(place, weights.config)
    return model.suffix == ".safetensors" and weights.modality == "image"


def _reading_of_images(folder: Path) -> Reading:
    from teachers.image_classifier import read_image_encoder

    return Reading(modality="image", folder=folder, file=SETTINGS_FILE, inputs=read_image_encoder(folder).inputs)


def _reading_of_texts(model: Path, folder: Path, *, config: dict[str, Any], longest: int, modality: str) -> Reading:
    inputs = graph_of(model, modality=modality, config=config)
    fixed_length = inputs[0].dimensions[1]
    return Reading(
        modality=modality,
        folder=folder,
        file="tokenizer.json",
        inputs=inputs,
        max_length_tokens=min(longest, fixed_length) if isinstance(fixed_length, int) else longest,
        padding=int(config.get("pad_token_id") or 0),
    )


def _folder_of_tokenizer(model: Path) -> Path:
    for folder in (model.parent, model.parent.parent):
        if (folder / "tokenizer.json").is_file():
            return folder
    raise RequestError(f"{model} has no tokenizer.json beside it, so it cannot be given a text; copy it there")


def _find_model(place: Path) -> Path:
    """The one model file in a place. Raises RequestError when there is none, or a choice.

    In a model folder of transformers the weights of torch come first, whatever else has been exported beside them;
    of several files of weights the first stands for all.
    """
    if place.is_file() and place.suffix in RUNTIME_OF:
        return place
    patterns = ("*.onnx", "onnx/*.onnx", "*.xml")
    is_model_folder = (place / "config.json").is_file()
    if is_model_folder and (shards := shards_of(place)):
        return shards[0]
    for pattern in ("*.safetensors", *patterns) if is_model_folder else patterns:
        files = sorted(place.glob(pattern)) if place.is_dir() else []
        if len(files) > 1:
            names = ", ".join(str(file.relative_to(place)) for file in files)
            raise RequestError(f"{place} holds several model files ({names}); name one of them, in one file")
        if files:
            return files[0]
    raise RequestError(
        f"{place} holds no model; expected a bundle's folder, an .onnx or .xml file with tokenizer.json beside it, or "
        f"a folder with config.json, model.safetensors and tokenizer.json or {SETTINGS_FILE}"
    )


def _label_names(
    model: Path, *, config: dict[str, Any], described: Path, wanted: Sequence[str] | None
) -> tuple[str, ...]:
    """The labels in the order of the outputs. Raises RequestError for a model without a head, or without names."""
    model_names = _own_label_names(described, config)
    names = model_names if set(model_names) == set(wanted or model_names) else tuple(wanted or ())
    if model.suffix == ".safetensors" and not model_names:
        raise no_classifier(described, config)
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
