"""When a training ends that is given patience in place of a number of epochs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

DECAY_SHARE = 0.25  # of the epochs before it


@dataclass(frozen=True, kw_only=True)
class Finish:
    """The epoch after which the rate falls, none before that is known, and the last one, as far as is known."""

    decay_after: int | None
    last_epoch: int


def finish_of(scores: Sequence[float], *, patience: int, most_epochs: int) -> Finish:
    """The finish after epochs with these scores on held-out rows, of which more is better.

    The rate is constant until `patience` epochs have passed without a better score, or until so many that the decay
    just fits into `most_epochs`; it then falls to 0 over a quarter of the epochs done, rounded up. The shape is the
    warm-up, stable, decay of Hu et al. (2024); the quarter is ours.
    """
    best, best_epoch = float("-inf"), 0
    for epoch, score in enumerate(scores, start=1):
        if score > best:
            best, best_epoch = score, epoch
        is_stuck = epoch - best_epoch >= patience
        is_full = epoch + 1 + decay_epochs(epoch + 1) > most_epochs
        if is_stuck or is_full:
            return Finish(decay_after=epoch, last_epoch=min(most_epochs, epoch + decay_epochs(epoch)))
    return Finish(decay_after=None, last_epoch=most_epochs)


def decay_epochs(epochs: int) -> int:
    """How many epochs the rate falls for after so many epochs."""
    return max(1, math.ceil(DECAY_SHARE * epochs))
