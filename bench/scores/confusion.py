"""Confusion matrices of classifiers, and the figures of classes that follow from them."""

import numpy as np

from materials.tasks.metrics import shares


def confusion_matrix(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Counts, int64 of shape (classes, classes): true label by predicted label."""
    # Each pair of labels as one number, so that one count over the rows fills all cells.
    return np.bincount(labels * classes + predicted, minlength=classes**2).reshape(classes, classes)


def f1_per_class(confusion: np.ndarray) -> np.ndarray:
    """F1 of each class for matrices (..., classes, classes); 0 for a class that is neither there nor predicted."""
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    return shares(2 * hits, confusion.sum(axis=-1) + confusion.sum(axis=-2))


def mean_f1(confusion: np.ndarray) -> np.ndarray:
    """Macro-F1 of matrices (..., classes, classes): the mean over the classes that occur or are predicted."""
    present = (confusion.sum(axis=-1) + confusion.sum(axis=-2) > 0).sum(axis=-1)
    return f1_per_class(confusion).sum(axis=-1) / present


def weighted_f1(confusion: np.ndarray) -> float:
    """The mean of the classes' F1, each weighted by its true rows, for a matrix (classes, classes)."""
    return float(np.average(f1_per_class(confusion), weights=confusion.sum(axis=1)))


def micro_f1(confusion: np.ndarray) -> float:
    """F1 over the decisions of all classes together; with one label a row, this is the accuracy."""
    return float(2 * np.trace(confusion) / (confusion.sum(axis=0) + confusion.sum(axis=1)).sum())


def precision_per_class(confusion: np.ndarray) -> np.ndarray:
    """Of the rows predicted as each class, the share that truly are, (classes,); 0 for a class never predicted."""
    return shares(np.diagonal(confusion), confusion.sum(axis=0))


def recall_per_class(confusion: np.ndarray) -> np.ndarray:
    """Of the true rows of each class, the share predicted as it, (classes,); 0 for a class without rows."""
    return shares(np.diagonal(confusion), confusion.sum(axis=1))
