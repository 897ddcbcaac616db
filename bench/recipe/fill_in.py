"""What a recipe leaves open until the data is known: transfer rows where there are any, peers that are installed."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from bench.recipe.recipe import Data
from peers import PEERS

GIVEN, INSTALLED = "given", "installed"


def filled_in(content: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a recipe with `transfer: given` and `peers: installed` decided; all else as it is.

    An objective that was open and is then as another is left out. What is no recipe is left to the recipe to refuse.
    """
    filled = dict(content)
    try:
        data = Data.model_validate(content.get("data"))
    except ValidationError:
        return filled
    if filled.get("peers") == INSTALLED:
        filled["peers"] = _installed(data)
    objectives = filled.get("objectives")
    if isinstance(objectives, list):
        decided = [_decided(objective, data.has_transfer) for objective in objectives]
        was_open = [objective != original for objective, original in zip(decided, objectives, strict=True)]
        filled["objectives"] = [
            objective
            for number, objective in enumerate(decided)
            if not (was_open[number] and objective in [*decided[:number], *_stated(decided, was_open)])
        ]
    return filled


def _decided(objective: Any, has_transfer: bool) -> Any:
    if not isinstance(objective, Mapping) or objective.get("transfer") != GIVEN:
        return objective
    if has_transfer:
        return {**objective, "transfer": True}
    return {key: value for key, value in objective.items() if key not in ("transfer", "transfer_balance")}


def _stated(objectives: Sequence[Any], was_open: Sequence[bool]) -> list[Any]:
    return [objective for objective, is_open in zip(objectives, was_open, strict=True) if not is_open]


def _installed(data: Data) -> list[str]:
    """The peers that are installed and can do what is asked."""
    return [
        name
        for name, peer in PEERS.items()
        if data.task in peer.tasks and data.modality in peer.modalities and not peer.missing_packages
    ]
