"""What a model file says of itself: its inputs, how many weights it has, and the files that hold them."""

import contextlib
import math
import mmap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from encoders.graph_input import ATTENTION_MASK, INPUT_IDS, TOKEN_TYPE_IDS, GraphInput
from encoders.text_encoder import TOKEN_INPUTS
from export.openvino_packages import import_openvino
from materials.errors import RequestError, in_one_line
from materials.shards import INDEX, shards_of

ONNX_TYPES = {6: "int32", 7: "int64"}
ONNX_PARTS: dict[str, dict[int, str]] = {  # the fields of onnx.proto on the way to a tensor's external_data
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: "entry"},
}
VARINT, EIGHT_BYTES, DELIMITED, FOUR_BYTES = 0, 1, 2, 5
LONGEST_SHIFT = 56  # the ninth of the ten groups that a number of 64 bits takes


def graph_of(model: Path, *, modality: str = "text", config: Mapping[str, Any] | None = None) -> tuple[GraphInput, ...]:
    """The inputs that the graph names, with the sizes that it fixes. Raises RequestError for one that no text can fill.

    Weights of transformers name none: they take token types where `config` has them and items are pairs.
    """
    if model.suffix == ".safetensors":
        has_types = modality == "pair" and ((config or {}).get("type_vocab_size") or 0) > 1
        return (INPUT_IDS, ATTENTION_MASK, *([TOKEN_TYPE_IDS] if has_types else []))
    inputs = _onnx_inputs(model) if model.suffix == ".onnx" else _openvino_inputs(model)
    for name, (dtype, _) in inputs.items():
        if name not in TOKEN_INPUTS or dtype not in ("int32", "int64"):
            raise RequestError(
                f"{model} takes an input '{name}' of type {dtype}; expected int32 or int64 inputs named "
                f"{', '.join(TOKEN_INPUTS)}"
            )
    if INPUT_IDS.name not in inputs:
        raise RequestError(f"{model} takes no {INPUT_IDS.name}; its inputs are {', '.join(inputs) or 'none'}")
    batch, length = _fixed(inputs[INPUT_IDS.name][1])
    if batch not in (None, 1):
        raise RequestError(
            f"{model} takes {batch} texts at once, no more and no fewer; export it with an open batch, or one of 1"
        )
    dimensions = (batch or "batch", length or "length")
    return tuple(GraphInput(name=name, dtype=dtype, dimensions=dimensions) for name, (dtype, _) in inputs.items())


def _fixed(sizes: tuple[int | None, ...]) -> tuple[int | None, int | None]:
    """The batch and the length of an input, each none where it is open."""
    return sizes if len(sizes) == 2 else (None, None)


def count_parameters(model: Path) -> int | None:
    """The number of weights, from the headers of the file; none where the format does not say."""
    if model.suffix == ".onnx":
        return sum(math.prod(weight.dims) for weight in read_onnx(model).graph.initializer)
    if model.suffix == ".safetensors":
        return sum(_count_in(file) for file in shards_of(model.parent) or [model])
    return None


def weight_files(model: Path) -> list[Path]:
    """The files beside a model that hold its weights. Raises RequestError when one is missing."""
    names = external_names(model)
    for name in names:
        if Path(name).is_absolute() or ".." in Path(name).parts or not (model.parent / name).is_file():
            raise RequestError(f"{model} keeps weights in a file '{name}', which is not beside it; copy it there")
    return [model.parent / name for name in names]


def external_names(model: Path) -> list[str]:
    """The names of other files that a model file reads weights from, as it gives them, sorted.

    Reads ONNX without the package onnx. A file that is no ONNX names what stands before the damage; the runtime
    refuses it.
    """
    if model.suffix == ".xml":
        return [model.with_suffix(".bin").name]
    if model.suffix == ".safetensors" and (shards := shards_of(model.parent)):
        return sorted({INDEX, *(shard.name for shard in shards)} - {model.name})
    if model.suffix != ".onnx" or model.stat().st_size == 0:
        return []
    names: set[str] = set()
    with (
        model.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
        contextlib.suppress(IndexError, RecursionError),
    ):
        names.update(_locations(content, 0, len(content), "model"))
    return sorted(names)


def _count_in(file: Path) -> int:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(file), framework="np") as tensors:
            return sum(math.prod(tensors.get_slice(name).get_shape()) for name in tensors.keys())  # noqa: SIM118
    except SafetensorError as error:
        raise RequestError(f"{file} is damaged: {error}") from None


def _onnx_inputs(model: Path) -> dict[str, tuple[str, tuple[int | None, ...]]]:
    graph = read_onnx(model).graph
    weights = {weight.name for weight in graph.initializer}
    tensors = {item.name: item.type.tensor_type for item in graph.input if item.name not in weights}
    return {
        name: (
            ONNX_TYPES.get(tensor.elem_type, f"ONNX {tensor.elem_type}"),
            tuple(size.dim_value if size.dim_value > 0 else None for size in tensor.shape.dim),
        )
        for name, tensor in tensors.items()
    }


def _openvino_inputs(model: Path) -> dict[str, tuple[str, tuple[int | None, ...]]]:
    inputs = {}
    for port in read_openvino(model).inputs:
        dtype, shape = port.get_element_type().to_string().replace("i", "int"), port.get_partial_shape()
        sizes = () if shape.rank.is_dynamic else tuple(size.get_length() if size.is_static else None for size in shape)
        inputs[port.get_any_name()] = dtype, sizes
    return inputs


def read_openvino(model: Path) -> Any:
    """The graph of a model.xml. Raises RequestError for a damaged file, or where OpenVINO is not installed."""
    try:
        return import_openvino("openvino").Core().read_model(str(model))
    except RuntimeError as error:
        raise RequestError(f"{model} cannot be read by OpenVINO: {str(error).strip().splitlines()[-1]}") from None


def read_onnx(model: Path) -> Any:
    """An ONNX model without weights of other files. Raises RequestError for what cannot be read as such."""
    import onnx

    try:
        return onnx.load(str(model), load_external_data=False)
    except Exception as error:  # protobuf's own errors, which it does not export
        raise RequestError(f"{model} cannot be read as ONNX: {in_one_line(error)}") from None


def _locations(content: mmap.mmap, start: int, end: int, part: str) -> Iterator[str]:
    """The external locations in one message of ONNX, whose kind `part` names."""
    for field, first, last in _messages(content, start, end):
        inner = ONNX_PARTS[part].get(field)
        if inner == "entry":
            entry = {number: content[begin:stop] for number, begin, stop in _messages(content, first, last)}
            if entry.get(1) == b"location":
                yield entry.get(2, b"").decode(errors="replace")
        elif inner:
            yield from _locations(content, first, last, inner)


def _messages(content: mmap.mmap, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """The number, start and end of each length-delimited field (protobuf's encoding). Raises IndexError past `end`."""
    while start < end:
        key, start = _varint(content, start)
        if key & 7 == DELIMITED:
            length, start = _varint(content, start)
            if start + length > end:
                raise IndexError
            yield key >> 3, start, start + length
            start += length
        elif key & 7 == VARINT:
            start = _varint(content, start)[1]
        else:
            start += {EIGHT_BYTES: 8, FOUR_BYTES: 4}.get(key & 7, 0)


def _varint(content: mmap.mmap, start: int) -> tuple[int, int]:
    """A number in groups of seven bits, the lowest first, and where it ends."""
    number = shift = 0
    while content[start] & 0x80:
        if shift > LONGEST_SHIFT:
            raise IndexError
        number |= (content[start] & 0x7F) << shift
        start, shift = start + 1, shift + 7
    return number | content[start] << shift, start + 1
