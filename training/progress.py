"""The epochs done of a training that goes on, in a file from which it continues as if it had never been stopped."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from materials.errors import RequestError
from materials.files import new_file
from training.history import Epoch


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where a training stands after an epoch; `mover` is the state of what moves the weights."""

    weights: Mapping[str, Tensor]
    best: Mapping[str, Tensor]
    mover: Mapping[str, Any]
    history: Sequence[Epoch]


def save_progress(progress: Progress, file: Path) -> None:
    """Write the file, whole or not at all, with the state of the generators of random numbers."""
    content = {
        "weights": dict(progress.weights),
        "best": dict(progress.best),
        "mover": dict(progress.mover),
        "history": [asdict(epoch) for epoch in progress.history],
        "random": torch.get_rng_state(),
        "random_cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else [],
    }
    buffer = io.BytesIO()  # torch ends the process when it cannot write a file
    torch.save(content, buffer)
    with new_file(file) as temporary:
        temporary.write_bytes(buffer.getbuffer())


def load_progress(file: Path) -> Progress:
    """Read what `save_progress` wrote and set the generators of random numbers; runs no code from the file.

    Raises RequestError when the file is damaged.
    """
    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
        torch.set_rng_state(content.pop("random"))
        if states := content.pop("random_cuda"):
            torch.cuda.set_rng_state_all(states)
        return Progress(**{**content, "history": [Epoch(**epoch) for epoch in content["history"]]})
    except Exception as error:  # torch raises a different kind for each way in which a file can be damaged
        raise RequestError(f"{file} is damaged ({type(error).__name__}); delete it and run again") from None
