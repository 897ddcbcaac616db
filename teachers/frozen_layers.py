"""A transformer of which the lowest layers stay as they were pretrained, which makes a step of training cheaper."""

from typing import Any, Self

from torch import Tensor, nn

from materials.errors import RequestError
from teachers.features import blocks_of


class LowestFrozen(nn.Module):
    """A classifier of texts whose embeddings and lowest `layers` layers are not trained, and have no dropout.

    No gradient goes through them: of three passes through a layer that a step makes, forward and back to its inputs and
    its weights, one is left. Of the layers at least one is trained. Raises RequestError where that cannot be.
    """

    def __init__(self, module: nn.Module, *, layers: int) -> None:
        super().__init__()
        self.module = module
        transformer: Any = module.model
        blocks = blocks_of(transformer)
        if layers >= len(blocks):
            raise RequestError(
                f"frozen_layers is {layers}, but the teacher has {len(blocks)} layers, of which at least one is "
                f"trained; set it to at most {len(blocks) - 1}"
            )
        base = transformer.base_model
        # Those of positions and token types too, where the model keeps all of them in one place.
        embeddings = getattr(base, "embeddings", base.get_input_embeddings())
        self.frozen: tuple[nn.Module, ...] = (embeddings, *blocks[:layers])
        for part in self.frozen:
            part.requires_grad_(False)

    def train(self, mode: bool = True) -> Self:
        """As of any module, but what is frozen computes as it will when all is trained: without dropout."""
        super().train(mode)
        for part in self.frozen:
            part.eval()
        return self

    def forward(self, *inputs: Tensor) -> Tensor:
        """Logits (batch, outputs)."""
        logits: Tensor = self.module(*inputs)
        return logits
