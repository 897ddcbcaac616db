"""What this very machine cannot make or run, or only emulates, whatever is installed on it."""

from collections.abc import Collection
from functools import cache


def impossible_here(format: str, architecture: str) -> str | None:
    """Why this processor cannot run a format of an architecture, in a sentence; none where it can."""
    if format == "eager-bf16" and architecture == "bilstm" and not _runs_bf16_lstms():
        return "this processor runs no LSTM in bfloat16"
    return None


def emulated_here(format: str, devices: Collection[str]) -> str | None:
    """Why a format proves nothing on any of the devices that would run it, in a sentence; none where it does."""
    if format == "eager-bf16" and not any(map(_has_bf16, devices)):
        return "no bfloat16 was found in hardware here, and emulating it is slow"
    return None


def _has_bf16(device: str) -> bool:
    from training.precision import has_bf16

    return has_bf16(device)


@cache
def _runs_bf16_lstms() -> bool:
    """Whether torch has an LSTM in bfloat16 for this processor: tried, as no flag of it says so."""
    import torch

    lstm = torch.nn.LSTM(2, 2, batch_first=True).to(torch.bfloat16)
    try:
        with torch.inference_mode():
            lstm(torch.zeros(1, 2, 2, dtype=torch.bfloat16))
    except RuntimeError:  # oneDNN: "could not create a primitive descriptor"
        return False
    return True
