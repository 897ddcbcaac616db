"""One input of a model's graph, stated once per architecture; dummy inputs, names and dynamic axes follow from it."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class GraphInput:
    """`dimensions` holds "batch", "length" or a fixed size, in the order of the tensor's axes."""

    name: str
    dtype: str = "int64"
    dimensions: tuple[str | int, ...] = ("batch", "length")


INPUT_IDS = GraphInput(name="input_ids")
ATTENTION_MASK = GraphInput(name="attention_mask")
