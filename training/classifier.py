"""A model in memory together with all it needs to answer for an item."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from encoders.encoder import Encoder
from materials.tasks.single_label import SingleLabel
from materials.tasks.task import Task

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, kw_only=True)
class Classifier:
    """`module` takes the encoder's inputs, in their order, and returns outputs of shape (batch, labels)."""

    architecture: str
    module: "nn.Module"
    encoder: Encoder
    label_names: tuple[str, ...]
    task: Task = field(default_factory=SingleLabel)

    @property
    def parameters(self) -> int:
        """The number of weights."""
        return sum(parameter.numel() for parameter in self.module.parameters())
