"""Confusion matrices of classifiers, and the figures of classes that follow from them."""

import numpy as np

from materials.tasks.metrics import f1_from_sums


def confusion_matrix(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Counts, int64 of shape (classes, classes): true label by predicted label."""
    # Each pair of labels as one number, so that one count over the rows fills all cells.
    return np.bincount(labels * classes + predicted, minlength=classes**2).reshape(classes, classes)


def f1_per_class(confusion: np.ndarray) -> np.ndarray:
    """F1 of each class for matrices (..., classes, classes); 0 for a class that is neither there nor predicted."""
    return f1_from_sums(sums_of(confusion))


def sums_of(confusion: np.ndarray) -> np.ndarray:
    """What the metrics of classes are computed from, (..., 3 * classes): hits, true rows and predicted rows of each."""
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    return np.concatenate([hits, confusion.sum(axis=-1), confusion.sum(axis=-2)], axis=-1)
