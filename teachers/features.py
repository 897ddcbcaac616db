"""Features of a transformer by which students are taught besides logits."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from materials.errors import RequestError
from training.outputs import Outputs

POOLED, RELATIONS, HIDDEN = "pooled", "relations", "hidden-"
QUERY_KEY_VALUE = (
    ("query", "key", "value"),
    ("q", "k", "v"),
    ("q_lin", "k_lin", "v_lin"),
    ("query_proj", "key_proj", "value_proj"),
    ("q_proj", "k_proj", "v_proj"),
)


def hidden_feature(layer: int) -> str:
    """The name of the states after a teacher's layer, counted from 1."""
    return f"{HIDDEN}{layer}"


def uniform_map(student_layers: int, teacher_layers: int) -> tuple[int, ...]:
    """Which of the teacher's layers each of a student's is held against: m of M against m N / M (Jiao et al. 2020)."""
    return tuple(max(1, round(layer * teacher_layers / student_layers)) for layer in range(1, student_layers + 1))


class WithFeatures(nn.Module):
    """A transformer that classifies, with features of it by name.

    `pooled` is its pooler's output, or else the first token's state; `hidden-N` the states of all tokens after the
    teacher's layer N, which for a student are those after the layer that `layers` names, else after its own layer N;
    `relations` the queries, keys and values of its last layer side by side.

    `widths` are those of a teacher's features. Where own ones have another width, a layer that is trained with the
    model and left behind afterwards takes them to it (Romero et al. 2015, section 2.2); relations need none.
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        names: Iterable[str] = (POOLED,),
        layers: Mapping[str, int] | None = None,
        widths: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__()
        self.module, self.names = module, tuple(names)
        transformer: Any = module.model
        own_width = transformer.config.hidden_size
        self.projections = nn.ModuleDict(
            {
                name: nn.Linear(own_width, width)
                for name, width in (widths or {}).items()
                if name in self.names and name != RELATIONS and width != own_width
            }
        )
        self._kept: dict[str, Tensor] = {}
        self._hook(transformer, layers or {})

    def _hook(self, transformer: Any, layers: Mapping[str, int]) -> None:
        for name in self.names:
            if name == POOLED:
                transformer.base_model.register_forward_hook(partial(self._keep, name, _pooled))
            elif name == RELATIONS:
                for part, projection in zip("qkv", query_key_value(blocks_of(transformer)[-1]), strict=True):
                    projection.register_forward_hook(partial(self._keep, part, _states))
            else:
                number = layers.get(name, int(name.removeprefix(HIDDEN)))
                block = blocks_of(transformer)[number - 1]
                block.register_forward_hook(partial(self._keep, name, _states))

    def _keep(self, name: str, read: Any, block: nn.Module, inputs: Any, output: Any) -> None:
        self._kept[name] = read(output)

    def forward(self, *inputs: Tensor) -> Outputs:
        """Logits (batch, outputs), and features (batch, width) or, of tokens, (batch, length, width)."""
        logits = self.module(*inputs)
        kept, self._kept = self._kept, {}
        if RELATIONS in self.names:
            kept[RELATIONS] = torch.cat([kept.pop(part) for part in "qkv"], dim=2)
        features = {
            name: self.projections[name](kept[name]) if name in self.projections else kept[name] for name in kept
        }
        return Outputs(logits=logits, features=features)


def blocks_of(transformer: Any) -> nn.ModuleList:
    """The layers of a transformer. Raises RequestError where they are not found."""
    count = transformer.config.num_hidden_layers
    lists = [
        part for part in transformer.base_model.modules() if isinstance(part, nn.ModuleList) and len(part) == count
    ]
    if len(lists) != 1:
        raise RequestError(
            f"the layers of {type(transformer).__name__} were not found, so that it gives no states of them"
        )
    return lists[0]


def query_key_value(block: nn.Module) -> list[nn.Module]:
    """The three projections of a layer's self-attention. Raises RequestError where they are not found."""
    parts = {name.rpartition(".")[2]: part for name, part in block.named_modules()}
    for names in QUERY_KEY_VALUE:
        if all(name in parts for name in names):
            return [parts[name] for name in names]
    raise RequestError(
        f"{type(block).__name__} has no queries, keys and values of a known name, so that it gives no relations"
    )


def _pooled(output: Any) -> Tensor:
    pooled: Tensor | None = getattr(output, "pooler_output", None)
    return output.last_hidden_state[:, 0] if pooled is None else pooled


def _states(output: Any) -> Tensor:
    states: Tensor = output[0] if isinstance(output, tuple) else output
    return states
