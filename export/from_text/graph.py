"""Writes a bundle's model, its tokenizer and its labels as one ONNX file that takes texts."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from encoders.encoder import Encoder
from encoders.text_encoder import TextEncoder
from export.bundle import Bundle
from export.from_text.arrays import add_arrays, text_encoder_of
from export.from_text.graph_parts import CLASSICAL, EXTENSIONS, GraphParts
from export.from_text.tokens import add_tokens
from export.graphs.onnx_metadata import describe_onnx
from materials.errors import RequestError
from materials.modalities import MODALITIES

INPUT, PROBABILITIES, LABEL = "text", "probabilities", "label"
OLDEST_OPSET = 20
PREFIX = "text/"


def write_text_graph(bundle: Bundle, file: Path) -> None:
    """Write the file: `text`, string (batch,), to `probabilities`, float32 (batch, labels), and `label` (batch,).

    Raises RequestError for a bundle that ONNX Runtime does not run, and for a tokenizer that operators cannot replace.
    """
    import onnx

    if bundle.runtime != "onnxruntime":
        raise RequestError(f"{bundle.folder} holds a model for {bundle.runtime}; only an ONNX file can take a text")
    if bundle.modality != "text" or bundle.max_length_tokens is None:
        plural = MODALITIES[bundle.modality].plural
        raise RequestError(f"{bundle.folder} holds a model of {plural}; only a model of single texts can take a text")
    if bundle.task.name != "single-label":
        raise RequestError(f"{bundle.folder} is of the task {bundle.task.name}; texts go into files of classes only")
    content = json.loads((bundle.folder / "tokenizer.json").read_text(encoding="utf-8"))
    model = onnx.load(bundle.model_path)
    opset = next((operators.version for operators in model.opset_import if operators.domain in ("", "ai.onnx")), 0)
    if opset < OLDEST_OPSET:
        raise RequestError(f"{bundle.model_path} is of opset {opset}; texts need {OLDEST_OPSET} or a later one")
    try:
        _put_before(model, bundle, content, bundle.max_length_tokens)
    except RequestError as error:
        raise RequestError(f"no file can take the texts of {bundle.folder}: in tokenizer.json, {error}") from None
    _put_after(model, bundle.label_names)
    _name_operators(model)
    onnx.save(model, file)
    describe_onnx(
        file,
        label_names=bundle.label_names,
        input_names=[INPUT],
        max_length_tokens=bundle.max_length_tokens,
        licences=bundle.licences,
        task=bundle.task.name,
    )


def check_tokenizer(encoder: Encoder) -> None:
    """Raise RequestError for a model of images, and for a tokenizer that operators cannot replace."""
    if not isinstance(encoder, TextEncoder) or encoder.modality != "text":
        plural = MODALITIES[encoder.modality].plural
        raise RequestError(f"this is a model of {plural}; only a model of single texts can take a text")
    content = json.loads(encoder.tokenizer.to_str())
    try:
        add_tokens(GraphParts(prefix=PREFIX), content, INPUT, encoder.max_length_tokens)
    except RequestError as error:
        raise RequestError(f"no file can take the texts of this model: in its tokenizer, {error}") from None


def _put_before(model: Any, bundle: Bundle, content: dict[str, Any], longest: int) -> None:
    """Replace the model's inputs by texts."""
    from onnx import TensorProto, helper

    parts = GraphParts(prefix=PREFIX)
    rows = add_tokens(parts, content, INPUT, longest)
    for name, array_name in add_arrays(parts, text_encoder_of(bundle), rows).items():
        parts.nodes.append(helper.make_node("Identity", [array_name], [name], name=f"{PREFIX}{name}"))
    nodes = [*parts.nodes, *model.graph.node]  # ONNX wants a node after those that it reads from
    del model.graph.node[:], model.graph.input[:]
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(parts.constants)
    model.graph.input.append(helper.make_tensor_value_info(INPUT, TensorProto.STRING, ["batch"]))


def _put_after(model: Any, label_names: Sequence[str]) -> None:
    """Replace the model's output by probabilities and labels."""
    from onnx import TensorProto, helper

    parts = GraphParts(prefix=f"{PREFIX}after/")
    logits = model.graph.output[0].name
    best_label = parts.one("ArgMax", logits, axis=1, keepdims=0)
    softmax = helper.make_node("Softmax", [logits], [PROBABILITIES], axis=-1, name=f"{PREFIX}{PROBABILITIES}")
    label = helper.make_node("Gather", [parts.constant(label_names), best_label], [LABEL], name=f"{PREFIX}{LABEL}")
    model.graph.node.extend([*parts.nodes, softmax, label])
    model.graph.initializer.extend(parts.constants)
    del model.graph.output[:], model.graph.value_info[:]
    probabilities = helper.make_tensor_value_info(PROBABILITIES, TensorProto.FLOAT, ["batch", len(label_names)])
    model.graph.output.extend([probabilities, helper.make_tensor_value_info(LABEL, TensorProto.STRING, ["batch"])])


def _name_operators(model: Any) -> None:
    """Declare in the model the sets of operators that texts need."""
    from onnx import helper

    named_domains = {operators.domain for operators in model.opset_import}
    needed_sets = ((EXTENSIONS, 1), (CLASSICAL, 4))
    model.opset_import.extend(
        helper.make_opsetid(domain, version) for domain, version in needed_sets if domain not in named_domains
    )
