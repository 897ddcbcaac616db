"""What a recipe leaves open until the data is known: transfer rows where there are any, peers that are installed."""

from collections.abc import Mapping
from typing import Any

GIVEN, INSTALLED = "given", "installed"
SOURCES = ("transfer", "balance", "augmentation", "train_rows")


def filled_in(content: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a recipe with `transfer: given` and `peers: installed` decided; all else as it is.

    An objective that is then as one before it is left out. Content that is no recipe is left to the recipe to refuse.
    """
    filled, data = dict(content), content.get("data")
    if not isinstance(data, Mapping):
        return filled
    if filled.get("peers") == INSTALLED:
        filled["peers"] = _installed(data)
    objectives = filled.get("objectives")
    if isinstance(objectives, list):
        has_transfer = any(data.get(source) is not None for source in SOURCES)
        decided = [_decided(objective, has_transfer) for objective in objectives]
        was_open = [objective != original for objective, original in zip(decided, objectives, strict=True)]
        filled["objectives"] = [
            objective
            for number, objective in enumerate(decided)
            if not (was_open[number] and objective in decided[:number])
        ]
    return filled


def _decided(objective: Any, has_transfer: bool) -> Any:
    if not isinstance(objective, Mapping) or objective.get("transfer") != GIVEN:
        return objective
    others = {key: value for key, value in objective.items() if key != "transfer"}
    return {**others, "transfer": True} if has_transfer else others


def _installed(data: Mapping[str, Any]) -> list[str]:
    """The peers that are installed and can do what is asked."""
    from peers import PEERS

    task, modality = data.get("task", "single-label"), "pair" if data.get("text_pair") else "text"
    return [
        name
        for name, peer in PEERS.items()
        if task in peer.tasks and modality in peer.modalities and not peer.missing_packages
    ]
