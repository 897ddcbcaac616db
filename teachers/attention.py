"""Where a network of images looks, by which students are taught besides logits."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from materials.errors import RequestError
from training.objectives import ATTENTION
from training.outputs import Outputs

STAGES, GRID = 3, 8
NAMES = tuple(f"{ATTENTION}{number}" for number in range(1, STAGES + 1))


class WithAttention(nn.Module):
    """A network of images, with the attention maps of its last stages: `attention-1` is that of the last, and so on.

    A map is the mean over channels of squared activations (Zagoruyko and Komodakis 2017, section 3.1), brought to 8 x 8
    places so that networks of other sizes can be compared, of length 1: features (batch, 64).

    Raises RequestError for a network whose stages are not known, or are too few.
    """

    def __init__(self, module: nn.Module, *, names: Iterable[str] = NAMES) -> None:
        super().__init__()
        self.module, self.names = module, tuple(names)
        self._kept: dict[str, Tensor] = {}
        stages = stages_of(module)
        if len(stages) < STAGES:
            raise RequestError(
                f"{type(module).__name__} has {len(stages)} stages; attention compares the last {STAGES} of a network"
            )
        for number, name in enumerate(NAMES, start=1):
            if name in self.names:
                stages[-number].register_forward_hook(partial(self._keep, name))

    def _keep(self, name: str, stage: nn.Module, inputs: Any, output: Any) -> None:
        self._kept[name] = attention_map(output)

    def forward(self, *inputs: Tensor) -> Outputs:
        """Logits (batch, outputs), and the maps by name, each (batch, 64)."""
        logits = self.module(*inputs)
        kept, self._kept = self._kept, {}
        return Outputs(logits=logits, features=kept)


def attention_map(activations: Tensor) -> Tensor:
    """The map (batch, 64) of activations (batch, channels, height, width)."""
    squares = activations.float().pow(2).mean(dim=1, keepdim=True)
    resized = F.interpolate(squares, size=(GRID, GRID), mode="bilinear", align_corners=False)
    return F.normalize(resized.flatten(1), dim=1)


def stages_of(module: nn.Module) -> Sequence[nn.Module]:
    """The stages of a network, each at another size of the image. Raises RequestError where they are not found."""
    for part in module.modules():
        stages = getattr(part, "stages", None)
        if isinstance(stages, nn.ModuleList | list):
            return list(stages)
    raise RequestError(f"the stages of {type(module).__name__} are not known, so that it gives no attention maps")
