"""A recipe's teacher: which weights, and how they are fine-tuned."""

from typing import Annotated

from pydantic import Field

from bench.recipe.parts import Auto, Part, Positive, Rate, one_of
from export.formats import EXPORTERS
from teachers import TEACHERS

Format = Annotated[str, one_of("format", EXPORTERS)]


class Teacher(Part):
    """The teacher and how it is fine-tuned; weights that already classify the recipe's labels are used as they are.

    What is `auto` is found by rule.
    """

    architecture: Annotated[str, one_of("teacher", TEACHERS)] = "transformer"
    weights: str = "minilm"
    max_length_tokens: Annotated[int, Field(ge=4, le=512)] | Auto = "auto"
    epochs: Positive | Auto = "auto"
    batch_size: Positive | Auto = "auto"
    learning_rate: Rate | Auto = "auto"
    formats: tuple[Format, ...] = ("eager", "eager-bf16", "torchscript", "onnx", "onnx-int8")
