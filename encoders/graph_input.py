"""One input of a model's graph, stated once per architecture; dummy inputs, names and dynamic axes follow from it."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class GraphInput:
    """`dimensions` holds "batch", "length" or a fixed size, in the order of the tensor's axes."""

    name: str
    dtype: str = "int64"
    dimensions: tuple[str | int, ...] = ("batch", "length")

    def shape(self, *, batch: int, length: int) -> tuple[int, ...]:
        """The dimensions with these sizes in place of their names."""
        sizes = {"batch": batch, "length": length}
        return tuple(sizes[dimension] if isinstance(dimension, str) else dimension for dimension in self.dimensions)


INPUT_IDS = GraphInput(name="input_ids")
ATTENTION_MASK = GraphInput(name="attention_mask")
TOKEN_TYPE_IDS = GraphInput(name="token_type_ids")


def pixel_values(height: int, width: int) -> GraphInput:
    """Images of three colours and one size."""
    return GraphInput(name="pixel_values", dtype="float32", dimensions=("batch", 3, height, width))
