"""What all students have in common, whatever they read."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import nn

from encoders.graph_input import GraphInput


class Student(nn.Module):
    """A small model that is built from the number of its outputs and its settings.

    `modalities` are the kinds of items that it reads. `version` is raised when the same weights would give other
    outputs than before. `bf16` says whether it may be trained in bf16. `inputs` are those of its graph. `learning_rate`
    is its peak, and `most_tokens` how much it reads of a text, where a recipe does not say. One that
    `is_pretrained` starts from a body of pretrained layers.
    """

    version: int = 1
    bf16: bool = True
    learning_rate: float = 1e-3
    most_tokens: int = 256
    is_pretrained: ClassVar[bool] = False
    modalities: tuple[str, ...] = ()
    inputs: tuple[GraphInput, ...] = ()

    @classmethod
    def check(cls, sizes: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
        """Raise ValueError, TypeError or RuntimeError for settings that make no model of these sizes."""
        with torch.device("meta"):
            cls(classes=2, **sizes, **settings)

    def deployed(self) -> nn.Module:
        """The module that is exported: by default this one, else one that computes the same outputs for less."""
        return self
