"""Features of a transformer by which students are taught besides logits."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from training.outputs import Outputs


class WithFeatures(nn.Module):
    """A transformer that classifies, with its pooled features: its pooler's output, or else the first token's state.

    `widths` are those of a teacher's features. Where the own ones have another width, a layer that is trained with the
    model and left behind afterwards takes them to it (Romero et al. 2015, section 2.2).
    """

    def __init__(self, module: nn.Module, *, widths: Mapping[str, int] | None = None) -> None:
        super().__init__()
        self.module = module
        transformer: Any = module.model
        own_width = transformer.config.hidden_size
        width = (widths or {}).get("pooled", own_width)
        self.projection: nn.Module = nn.Identity() if width == own_width else nn.Linear(own_width, width)
        self._pooled: Tensor | None = None
        transformer.base_model.register_forward_hook(self._keep)

    def _keep(self, body: nn.Module, inputs: Any, output: Any) -> None:
        pooled = getattr(output, "pooler_output", None)
        self._pooled = output.last_hidden_state[:, 0] if pooled is None else pooled

    def forward(self, *inputs: Tensor) -> Outputs:
        """Logits (batch, outputs) and pooled features (batch, width) from the inputs of the module."""
        logits = self.module(*inputs)
        if self._pooled is None:
            raise ValueError("the body did not run")
        pooled, self._pooled = self._pooled, None
        return Outputs(logits=logits, features={"pooled": self.projection(pooled)})
