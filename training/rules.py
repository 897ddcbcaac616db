"""Settings of a training that nobody gave, decided by what there is to learn from."""

import math
from collections.abc import Sequence
from typing import Any

FEWEST_PATIENT_EPOCHS, PATIENT_STEPS = 5, 400
STEPS_AN_EPOCH = 64
BATCH_SIZES = (16, 128)
MOST_EPOCHS, MOST_STEPS, FEWEST_EPOCHS = 60, 12_000, 4
MOST_TEACHER_TOKENS, FEWEST_TEACHER_EPOCHS, MOST_TEACHER_EPOCHS = 256, 3, 20
TEACHER_STEPS, TEACHER_STEPS_AN_OUTPUT = 600, 60
SHARE_READ_WHOLE = 0.95
LENGTH_STEP = 16


def batch_size_for(rows: int) -> int:
    """The power of two that makes an epoch about 64 steps, from 16 to 128: few rows get small batches."""
    smallest, largest = BATCH_SIZES
    return min(largest, max(smallest, 2 ** round(math.log2(max(rows, 1) / STEPS_AN_EPOCH))))


def most_epochs_for(rows: int, batch_size: int) -> int:
    """The cap of a training that ends by patience: 60 epochs or 12,000 steps, but never under 4 epochs."""
    steps_per_epoch = -(-rows // batch_size)  # rounded up, as the last batch may be short
    return min(MOST_EPOCHS, max(FEWEST_EPOCHS, -(-MOST_STEPS // steps_per_epoch)))


def patience_for(rows: int, batch_size: int) -> int:
    """How many epochs without a better score end a training: five, or as many as make 400 steps.

    An epoch of few rows is a few steps, and its score on few validation rows jumps.
    """
    return max(FEWEST_PATIENT_EPOCHS, -(-PATIENT_STEPS // -(-rows // batch_size)))


def length_for(lengths: Sequence[int], *, most: int) -> int:
    """The tokens that a model reads of a text: enough for 95 of 100 rows, in whole sixteens, at most `most`.

    `lengths` are those of the train rows in the model's own tokens, special tokens included.
    """
    ordered = sorted(lengths)
    enough = ordered[min(len(ordered) - 1, math.ceil(SHARE_READ_WHOLE * len(ordered)) - 1)]
    return min(most, max(LENGTH_STEP, -(-enough // LENGTH_STEP) * LENGTH_STEP))


def teacher_settings(
    rows: int, outputs: int, *, epochs: int | None = None, batch_size: int | None = None
) -> dict[str, Any]:
    """How to fine-tune a pretrained body on so many rows for so many outputs, by the names of `TrainingSettings`.

    The rate falls in a straight line, which pretrained bodies take better than a rate that stays up. Where no number of
    epochs is given, they are enough for 600 steps and 60 more for each output: rare classes come late. Where an epoch
    is so short that it takes the most epochs to get there, the rate is twice the usual 5e-5.
    """
    batch_size = batch_size or (16 if rows < 2_000 else 32)
    if epochs is not None:
        return {"batch_size": batch_size, "learning_rate": 5e-5}
    steps = TEACHER_STEPS + TEACHER_STEPS_AN_OUTPUT * outputs
    wanted = -(-steps // -(-rows // batch_size))  # rounded up, and so is the number of steps an epoch
    epochs = min(MOST_TEACHER_EPOCHS, max(FEWEST_TEACHER_EPOCHS, wanted))
    return {"batch_size": batch_size, "epochs": epochs, "learning_rate": 1e-4 if wanted > epochs else 5e-5}
