"""From targets and outputs to the quality of a row."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bench.record.row import Row, Score
from bench.scores.confusion import confusion_matrix, f1_per_class, sums_of
from bench.scores.quality import calibration_error, score
from materials.tasks.metrics import micro_f1, weighted_f1
from materials.tasks.task import Task


def with_quality(row: Row, task: Task, targets: np.ndarray, outputs: np.ndarray, label_names: Sequence[str]) -> Row:
    """The row with its quality on rows that all have a target; a failed row where an output is no number."""
    if not np.isfinite(outputs).all():
        return replace(row, status="failed", error="some of its outputs are no numbers")
    return replace(row, **quality_of(task, targets, outputs), label_names=tuple(label_names))


def quality_of(task: Task, targets: np.ndarray, outputs: np.ndarray) -> dict[str, Any]:
    """The fields of a row that tell its quality, from finite outputs on rows that all have a target."""
    if task.name == "single-label":
        return _of_classes(task, targets, outputs)
    scores = {}
    for metric in task.metrics:
        if metric.interval:
            interval = score(metric, targets, outputs)
            scores[metric.name] = Score(value=interval.value, low=interval.low, high=interval.high)
        else:
            scores[metric.name] = Score(value=metric(targets, outputs))
    counts = task.counts_per_name(targets, outputs)
    return {"scores": scores, "label_counts": None if counts is None else tuple(map(tuple, counts.T.tolist()))}


def _of_classes(task: Task, targets: np.ndarray, outputs: np.ndarray) -> dict[str, Any]:
    """The fields that rows of classes have had since before there were other tasks."""
    predicted, classes = outputs.argmax(axis=1), outputs.shape[1]
    confusion = confusion_matrix(targets, predicted, classes)
    headline = score(task.headline, targets, outputs)
    return {
        "accuracy": float((targets == predicted).mean()),
        "macro_f1": headline.value,
        "macro_f1_low": headline.low,
        "macro_f1_high": headline.high,
        "weighted_f1": float(weighted_f1(sums_of(confusion))),
        "micro_f1": float(micro_f1(sums_of(confusion))),
        "f1_per_class": tuple(f1_per_class(confusion).tolist()),
        "confusion_matrix": tuple(tuple(line) for line in confusion.tolist()),
        "calibration_error": calibration_error(targets, task.probabilities(outputs)),
    }


def class_counts(row: Row) -> np.ndarray | None:
    """The hits, true rows and called rows of each class or label of a row, int64 (3, names); none without them."""
    if row.confusion_matrix is not None:
        return sums_of(np.array(row.confusion_matrix)).reshape(3, -1)
    return None if row.label_counts is None else np.array(row.label_counts).T
