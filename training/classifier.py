"""A model in memory together with all it needs to classify a text or an image."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from encoders.encoder import Encoder

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, kw_only=True)
class Classifier:
    """`module` takes the encoder's inputs, in their order, and returns logits of shape (batch, labels)."""

    architecture: str
    module: "nn.Module"
    encoder: Encoder
    label_names: tuple[str, ...]

    @property
    def parameters(self) -> int:
        """The number of weights."""
        return sum(parameter.numel() for parameter in self.module.parameters())
