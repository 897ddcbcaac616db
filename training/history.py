"""What is known after each epoch of a training: its loss, and how good the model is by then."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

ENTROPY_SLACK = 0.25
ACCURACY_SLACK = 0.05


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Cross entropy with the labels in nats, accuracy and macro-F1 on some rows."""

    cross_entropy: float
    accuracy: float
    macro_f1: float


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """What one epoch came to; 0 is the model before training. `steps` counts from the start, `seconds` is its steps'.

    `loss` is the objective's mean over the steps. Train scores are of the batches as the weights moved, dropout and
    all, and none where no row has a label. Test scores, if there are any, play no part in any choice.
    """

    epoch: int
    steps: int
    seconds: float
    loss: float
    train: Scores | None
    validation: Scores
    test: Scores | None


def scores_of(logits: np.ndarray, labels: np.ndarray) -> Scores | None:
    """The scores of logits (rows, classes) on the rows that have a label, int64 (rows,), -1 for none."""
    from scipy.special import log_softmax
    from sklearn.metrics import f1_score

    has_label = labels >= 0
    if not has_label.any():
        return None
    logits, labels = logits[has_label].astype(np.float64), labels[has_label]
    predicted = logits.argmax(axis=1)
    return Scores(
        cross_entropy=float(-log_softmax(logits, axis=1)[np.arange(len(labels)), labels].mean()),
        accuracy=float((predicted == labels).mean()),
        macro_f1=float(f1_score(labels, predicted, average="macro")),
    )


def as_records(history: Sequence[Epoch]) -> list[dict[str, Any]]:
    """The epochs as flat JSON objects: `validation_macro_f1` and so on."""
    records = []
    for epoch in history:
        record = asdict(epoch)
        for part in ("train", "validation", "test"):
            found = record.pop(part)
            record |= {f"{part}_{name}": value for name, value in (found or {}).items()}
        records.append(record)
    return records


def untrained_fault(untrained: Scores, labels: np.ndarray, classes: int) -> str | None:
    """What tells that a model knows something before training, a fault of its first weights; none where nothing does.

    Without knowledge, the cross entropy is ln K, and the accuracy between the shares of the rarest and of the most
    frequent class, 1/K where all are as frequent. A quarter of a nat, and 5 points beside 4 standard errors, are
    allowed.
    """
    shares = np.bincount(labels, minlength=classes) / len(labels)
    slack = ACCURACY_SLACK + 4 * math.sqrt(0.25 / len(labels))
    if abs(untrained.cross_entropy - math.log(classes)) > ENTROPY_SLACK:
        expected = f"ln {classes} = {math.log(classes):.2f}"
        return f"its cross entropy before training is {untrained.cross_entropy:.2f}; expected about {expected}"
    if not shares.min() - slack <= untrained.accuracy <= shares.max() + slack:
        expected = f"1/{classes}" if np.ptp(shares) < slack else f"{shares.min():.1%} to {shares.max():.1%}"
        return f"its accuracy before training is {untrained.accuracy:.1%}; expected about {expected}"
    return None
