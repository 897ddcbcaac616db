"""What an ONNX file says about itself: labels, inputs and licences, and nothing of the machine that exported it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from materials.files import new_file

ONNX_RUNTIME = "com.microsoft"
OUTSIDE_STANDARD = ("SimplifiedLayerNormalization",)  # by the root mean square; RMSNormalization came with opset 23


def describe_onnx(
    model_file: Path,
    *,
    label_names: Sequence[str],
    input_names: Sequence[str],
    max_length_tokens: int | None,
    licences: Mapping[str, str],
    task: str = "classification",
) -> None:
    """Set the metadata of an ONNX file and drop the exporter's notes on its graph, which hold paths and source code.

    Labels and inputs are JSON lists, in the order of the outputs and of the graph; licences a JSON object from source
    to licence. Other metadata of the file stays. Raises onnx's ValidationError when the file is not sound.
    """
    import onnx

    description = {
        "labels": json.dumps(list(label_names), ensure_ascii=False),
        "inputs": json.dumps(list(input_names)),
        "licences": json.dumps(dict(licences), ensure_ascii=False),
        "task": task,
        "made_by": made_by(),
    }
    if max_length_tokens is not None:  # an image has no length
        description["max_length_tokens"] = str(max_length_tokens)
    model = onnx.load(str(model_file), load_external_data=False)
    present_metadata = {entry.key: entry.value for entry in model.metadata_props}
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, {**present_metadata, **description})
    _drop_notes(model.graph)
    for function in model.functions:
        _drop_notes(function)
    with new_file(model_file) as temporary:
        onnx.save(model, str(temporary))
        _check(model, temporary)


def made_by() -> str:
    """The program and its version, as ONNX files name it."""
    try:
        return f"distilbench {version('distilbench')}"
    except PackageNotFoundError:  # run from its folder, without having been installed
        return "distilbench"


def _check(model: Any, file: Path) -> None:
    """Raise onnx's ValidationError when a model, which has been saved to the file, is not sound; changes the model.

    ONNX Runtime has one operator of its own in the domain of ONNX, whose checker knows only what is in its standard.
    """
    import onnx

    outside = [node for node in model.graph.node if node.op_type in OUTSIDE_STANDARD and not node.domain]
    for node in outside:
        node.domain = ONNX_RUNTIME
    if outside and all(opset.domain != ONNX_RUNTIME for opset in model.opset_import):
        model.opset_import.append(onnx.helper.make_opsetid(ONNX_RUNTIME, 1))
    onnx.checker.check_model(model if outside else str(file))


def _drop_notes(part: Any) -> None:
    """Clear `metadata_props` and `doc_string` of a graph or function and of all that stands in it."""
    for element in _parts(part):
        element.ClearField("doc_string")
        if "metadata_props" in element.DESCRIPTOR.fields_by_name:
            element.ClearField("metadata_props")


def _parts(part: Any) -> Iterator[Any]:
    yield part
    for kind in ("input", "output", "value_info", "initializer"):
        values = getattr(part, kind, ())
        yield from (value for value in values if not isinstance(value, str))  # a function's inputs are mere names
    for node in part.node:
        yield node
        for attribute in node.attribute:
            for graph in (*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])):
                yield from _parts(graph)
