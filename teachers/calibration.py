"""How far a zero-shot teacher's scores are softened, found without a label."""

import numpy as np

from materials.tasks.single_label import softmax

LEAST, MOST = -14.0, 14.0  # of the temperature's natural logarithm
HALVINGS = 60


def agreement_of(one: np.ndarray, other: np.ndarray) -> float:
    """The share of rows for which two arrays of scores (rows, classes) have the same class before all others."""
    return float((one.argmax(axis=1) == other.argmax(axis=1)).mean())


def temperature_for(logits: np.ndarray, agreement: float) -> float:
    """The temperature at which logits (rows, classes) are on average as sure as two views of the rows often agree.

    Where two views differ one is wrong, so that their agreement stands for the accuracy that nobody knows without
    labels. One in twice as many rows stays for a doubt that no row showed, and no one is less sure than chance.
    """
    rows, classes = logits.shape
    aim = min(max(agreement, 1 / classes), 1 - 0.5 / rows)
    low, high = LEAST, MOST
    for _ in range(HALVINGS):  # the mean of the largest probabilities falls where the temperature rises
        middle = (low + high) / 2
        is_too_sure = float(softmax(logits / np.exp(middle)).max(axis=1).mean()) > aim
        low, high = (middle, high) if is_too_sure else (low, middle)
    return float(np.exp((low + high) / 2))
