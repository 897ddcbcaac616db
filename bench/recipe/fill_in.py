"""What a recipe leaves open until the data is known: transfer rows, given or made up, and peers that are installed."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from bench.recipe.data import Data
from peers import PEERS

GIVEN, INSTALLED, AUTO = "given", "installed", "auto"
GIVEN_TEACHER = "outputs"
PARTS = {"copies": AUTO, "mask_share": 0, "replaced_share": 0, "ngram_share": 0, "part_share": 0.5, "mixed_share": 0.5}
"""How rows are made of train rows where `data.augmentation` is `auto`: parts of texts, and of two texts."""


def filled_in(content: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a recipe with `transfer: given`, `augmentation: auto` and `peers: installed` decided.

    Rows are made up where items are single texts and no others are given for the teacher alone to label. An objective
    that was open and is then as another is left out. What is no recipe is left to the recipe to refuse.
    """
    filled = dict(content)
    settings = content.get("data")
    try:
        if isinstance(settings, Mapping) and settings.get("augmentation") == AUTO:
            filled["data"] = {**settings, "augmentation": None}
            data = Data.model_validate(filled["data"])
            if data.modality == "text" and not data.has_transfer:
                filled["data"] = {**settings, "augmentation": PARTS}
        data = Data.model_validate(filled.get("data"))
    except ValidationError:
        return filled
    if filled.get("peers") == INSTALLED:
        teacher = content.get("teacher")
        is_given = isinstance(teacher, Mapping) and teacher.get("architecture") == GIVEN_TEACHER
        filled["peers"] = _installed(data, has_body=not is_given)
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


def _installed(data: Data, *, has_body: bool) -> list[str]:
    """The peers that are installed and can do what is asked; some start from the teacher's body."""
    return [
        name
        for name, peer in PEERS.items()
        if data.task in peer.tasks and data.modality in peer.modalities and not peer.missing_packages
        if has_body or not peer.needs_body
    ]
