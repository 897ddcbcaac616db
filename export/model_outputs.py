"""Which output of somebody else's model file holds its scores."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export.model_file import read_onnx, read_openvino
from materials.errors import RequestError

SCORES = "logits"
ONNX_KINDS = {1: "float", 7: "int64", 6: "int32", 8: "string", 9: "bool", 10: "float16", 11: "double", 16: "bfloat16"}


@dataclass(frozen=True, kw_only=True)
class ModelOutput:
    """An output as the file describes it; `dimensions` holds none for each size that is open, and is none for no word.

    `name` is empty where the file gives none.
    """

    name: str
    kind: str
    is_float: bool
    dimensions: tuple[int | None, ...] | None

    def __str__(self) -> str:
        sizes = "any shape"
        if self.dimensions is not None:
            sizes = f"({', '.join('?' if size is None else str(size) for size in self.dimensions)})"
        return f"{self.name or 'one without a name'} {self.kind} {sizes}"

    def may_be_scores(self, labels: int | None = None) -> bool:
        """Whether it may hold a row of scores for each text: of as many labels where their number is given."""
        if not self.is_float or (self.dimensions is not None and len(self.dimensions) != 2):
            return False
        return labels is None or (self.dimensions is not None and self.dimensions[1] == labels)


def name_of_scores(model: Path, labels: int) -> str | None:
    """The name of the output that holds the scores; none for weights, or where the only output has no name.

    It is that named logits, or the only one of numbers in two dimensions as wide as there are labels, or the only one
    that may be so. Raises RequestError, with a list of the outputs, where that is none or several.
    """
    if model.suffix == ".safetensors":
        return None
    outputs = _onnx_outputs(model) if model.suffix == ".onnx" else _openvino_outputs(model)
    choices = (
        [output for output in outputs if output.name == SCORES and output.may_be_scores()],
        [output for output in outputs if output.may_be_scores(labels)],
        [output for output in outputs if output.may_be_scores()],
    )
    found = next((choice for choice in choices if choice), [])
    if len(found) == 1 and (found[0].name or len(outputs) == 1):
        return found[0].name or None
    raise RequestError(
        f"{model} does not show which of its outputs holds the scores; expected one named {SCORES}, or a single one of "
        f"floats of the shape (batch, {labels}); it has {'; '.join(map(str, outputs))}"
    )


def _onnx_outputs(model: Path) -> list[ModelOutput]:
    outputs = []
    for value in read_onnx(model).graph.output:
        tensor = value.type.tensor_type
        kind = ONNX_KINDS.get(tensor.elem_type, f"ONNX {tensor.elem_type}")
        sizes = tuple(size.dim_value if size.dim_value > 0 else None for size in tensor.shape.dim)
        dimensions = sizes if tensor.HasField("shape") else None
        is_float = kind in ("float", "float16", "double", "bfloat16")
        outputs.append(ModelOutput(name=value.name, kind=kind, is_float=is_float, dimensions=dimensions))
    return outputs


def _openvino_outputs(model: Path) -> list[ModelOutput]:
    outputs = []
    for port in read_openvino(model).outputs:
        names = sorted(port.get_names())
        kind = port.get_element_type()
        outputs.append(
            ModelOutput(
                name=SCORES if SCORES in names else next(iter(names), ""),
                kind=kind.to_string(),
                is_float=kind.is_real(),
                dimensions=_sizes(port.get_partial_shape()),
            )
        )
    return outputs


def _sizes(shape: Any) -> tuple[int | None, ...] | None:
    sizes: Sequence[Any] | None = None if shape.rank.is_dynamic else list(shape)
    return None if sizes is None else tuple(size.get_length() if size.is_static else None for size in sizes)
