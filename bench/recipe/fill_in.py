"""What a recipe leaves open until the data is known: transfer rows where there are any, peers that are installed."""

from collections.abc import Mapping, Sequence
from typing import Any

from materials.catalogue import DATASETS
from materials.sources.image_folder import is_image_folder

GIVEN, INSTALLED = "given", "installed"
SOURCES = ("transfer", "balance", "augmentation", "train_rows")


def filled_in(content: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a recipe with `transfer: given` and `peers: installed` decided; all else as it is.

    An objective that was open and is then as another is left out. What is no recipe is left to the recipe to refuse.
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


def _installed(data: Mapping[str, Any]) -> list[str]:
    """The peers that are installed and can do what is asked."""
    from peers import PEERS

    train, task = str(data.get("train")), data.get("task", "single-label")
    is_images = train not in DATASETS and is_image_folder(train)
    modality = "image" if is_images else "pair" if data.get("text_pair") else "text"
    return [
        name
        for name, peer in PEERS.items()
        if task in peer.tasks and modality in peer.modalities and not peer.missing_packages
    ]
