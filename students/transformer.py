"""A pretrained transformer, whole or some of its layers, as a student."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from encoders.graph_input import ATTENTION_MASK, INPUT_IDS, GraphInput
from materials.errors import RequestError
from materials.tasks.task import Task
from materials.weights import PROBLEM_TYPE_OF, check_config_in
from students.student import Student


class TransformerStudent(Student):
    """What a student of pretrained layers is, before it has any: it reads by its own tokenizer.

    `layers` are the numbers of the layers kept, from 0, in their order, as DistilBERT keeps every other (Sanh et al.
    2019), or how many, spread over all; none for all of them. Their width stays. The module itself is that of
    transformers (see `start_from`), and a trained one is a plain folder of its.
    """

    is_pretrained = True
    learning_rate = 5e-5
    modalities: tuple[str, ...] = ("text", "pair")
    inputs: tuple[GraphInput, ...] = (INPUT_IDS, ATTENTION_MASK)

    def __init__(self, *, layers: Sequence[int] | int | None = None) -> None:
        super().__init__()
        chosen = [] if layers is None else [layers] if isinstance(layers, int) else list(layers)
        is_count = isinstance(layers, int)
        if layers is not None and (not chosen or min(chosen) < is_count or len(set(chosen)) < len(chosen)):
            raise ValueError(f"layers are different numbers from 0, or how many; got {layers}")

    @classmethod
    def check(cls, sizes: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
        """Raise ValueError for layers that cannot be; sizes are those of the weights."""
        cls(**settings)


def start_from(
    weights: Path, *, label_names: tuple[str, ...], task: Task, layers: Sequence[int] | int | None, seed: int
) -> Any:
    """The model of transformers with a new head, and the pretrained body's layers that are kept.

    Raises RequestError for layers that the body does not have.
    """
    from transformers import AutoConfig, AutoModel, AutoModelForSequenceClassification

    check_config_in(weights)
    names = dict(enumerate(label_names))
    config = AutoConfig.from_pretrained(
        weights,
        local_files_only=True,
        trust_remote_code=False,
        num_labels=len(names),
        id2label=names,
        label2id={name: number for number, name in names.items()},
        problem_type=PROBLEM_TYPE_OF[task.name],
    )
    torch.manual_seed(seed)
    model: Any = AutoModelForSequenceClassification.from_config(config, dtype=torch.float32, trust_remote_code=False)
    body = AutoModel.from_pretrained(
        weights, dtype=torch.float32, local_files_only=True, trust_remote_code=False, use_safetensors=True
    )
    model.base_model.load_state_dict(body.state_dict(), strict=False)
    if layers is not None:
        keep_layers(model, layers, weights)
    return model


def keep_layers(model: Any, layers: Sequence[int] | int, weights: Path) -> None:
    """Leave only some of a body's layers in place. Raises RequestError for layers that it does not have."""
    count = model.config.num_hidden_layers
    numbers = spread(layers, count) if isinstance(layers, int) else list(layers)
    lists = [
        (parent, name, child)
        for parent in model.base_model.modules()
        for name, child in parent.named_children()
        if isinstance(child, nn.ModuleList) and len(child) == count
    ]
    if len(lists) != 1:
        raise RequestError(f"the layers of {weights} were not found, so that none can be left out; leave layers out")
    if not numbers or max(numbers) >= count:
        raise RequestError(f"{weights} has {count} layers, numbered from 0; got layers {layers}")
    parent, name, child = lists[0]
    setattr(parent, name, nn.ModuleList(child[number] for number in numbers))
    model.config.num_hidden_layers = len(numbers)


def spread(count: int, layers: int) -> list[int]:
    """The numbers of `count` layers spread over all of them, the first and the last among them where there are two."""
    if count > layers:
        return [layers]  # which no model has
    return [round(place * (layers - 1) / max(1, count - 1)) for place in range(count)]
