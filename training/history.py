"""What is known after each epoch of a training: its loss, and how good the model is by then."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from materials.tasks.task import Task
from training.settings import TrainingSettings

ENTROPY_SLACK = 0.25
ACCURACY_SLACK = 0.05
CROSS_ENTROPY = "cross_entropy"

Scores = Mapping[str, float]
"""Figures on some rows by name: the task's metrics, and, for classes, the cross entropy with the labels in nats."""


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """The results of one epoch; 0 is the model before training. `steps` counts from the start of training.

    `seconds` is the time of this epoch's steps, `loss` the objective's mean over them. Train scores are those of the
    batches while the weights moved, with dropout; none where no row has a label. Test scores play no part in any
    choice.
    """

    epoch: int
    steps: int
    seconds: float
    loss: float
    train: Scores | None
    validation: Scores
    test: Scores | None


def scores_of(task: Task, outputs: np.ndarray, targets: np.ndarray) -> Scores | None:
    """The scores of outputs (rows, outputs) on the rows that have a label; none where no row has."""
    labelled = task.has_target(targets)
    if not labelled.any():
        return None
    outputs, targets = outputs[labelled].astype(np.float64), targets[labelled]
    scores = {CROSS_ENTROPY: _cross_entropy(outputs, targets)} if task.name == "single-label" else {}
    return scores | {metric.name: metric(targets, outputs) for metric in task.epoch_metrics}


def validation_scores(task: Task, history: Sequence[Epoch]) -> list[float]:
    """The task's headline on validation rows after each epoch from the first, with the sign by which more is better."""
    sign = 1 if task.headline.higher_is_better else -1
    return [sign * epoch.validation[task.headline.name] for epoch in history if epoch.epoch > 0]


def best_validation_score(task: Task, records: Sequence[Mapping[str, Any]]) -> float:
    """The best headline on validation rows in the records of a history (see `as_records`)."""
    scores = [record[f"validation_{task.headline.name}"] for record in records if record["epoch"] > 0]
    return max(scores) if task.headline.higher_is_better else min(scores)


def unfinished(task: Task, history: Sequence[Epoch], settings: TrainingSettings) -> str | None:
    """Why more epochs might be better: time was up, the last of a number was best, or the cap came before patience."""
    scores, epochs = validation_scores(task, history), history[-1].epoch
    if settings.time_limit is not None and sum(epoch.seconds for epoch in history) >= settings.time_limit:
        return f"ended in epoch {epochs} at its time limit of {settings.time_limit:g} s, so more time may be better"
    if settings.patience is not None:
        is_capped = epochs == settings.epochs and epochs > 1
        return f"ended at its cap of {epochs} epochs, so more may be better" if is_capped else None
    is_best = len(scores) > 1 and scores[-1] > max(scores[:-1])
    return f"the last of {epochs} epochs was the best, so more may be better" if is_best else None


def as_records(history: Sequence[Epoch]) -> list[dict[str, Any]]:
    """The epochs as flat JSON objects: `validation_macro_f1` and so on."""
    records = []
    for epoch in history:
        record = asdict(epoch)
        for part in ("train", "validation", "test"):
            scores = record.pop(part)
            record |= {f"{part}_{name}": value for name, value in (scores or {}).items()}
        records.append(record)
    return records


def untrained_fault(untrained: Scores, targets: np.ndarray, classes: int) -> str | None:
    """How a classifier seems to know something before training, a fault of its first weights; none if it does not.

    Without knowledge, the cross entropy is ln K, and the accuracy between the shares of the rarest and of the most
    frequent class, 1/K where all are as frequent. A quarter of a nat, and 5 points beside 4 standard errors, are
    allowed. Scores without a cross entropy, those of other tasks, tell nothing.
    """
    if CROSS_ENTROPY not in untrained:
        return None
    shares = np.bincount(targets, minlength=classes) / len(targets)
    # The standard error of a share is largest for a share of one half.
    slack = ACCURACY_SLACK + 4 * math.sqrt(0.25 / len(targets))
    entropy, accuracy = untrained[CROSS_ENTROPY], untrained["accuracy"]
    if abs(entropy - math.log(classes)) > ENTROPY_SLACK:
        expectation = f"ln {classes} = {math.log(classes):.2f}"
        return f"its cross entropy before training is {entropy:.2f}; expected about {expectation}"
    if not shares.min() - slack <= accuracy <= shares.max() + slack:
        expectation = f"1/{classes}" if np.ptp(shares) < slack else f"{shares.min():.1%} to {shares.max():.1%}"
        return f"its accuracy before training is {accuracy:.1%}; expected about {expectation}"
    return None


def _cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    from scipy.special import log_softmax

    return float(-log_softmax(logits, axis=1)[np.arange(len(labels)), labels].mean())
