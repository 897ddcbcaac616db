"""How good predictions are, each figure with its bootstrap interval; arrays in, numbers out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

DRAWS = 2000
SMALLEST_GAP = 0.01


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A figure and the 2.5 % and 97.5 % points of its bootstrap distribution."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class SeedPredictions:
    """Labels and predicted labels of one seed's test rows, each int64 of shape (rows,)."""

    labels: np.ndarray
    teacher: np.ndarray
    alone: np.ndarray
    distilled: np.ndarray


def accuracy(labels: np.ndarray, predicted: np.ndarray) -> float:
    """The share of rows whose predicted label is right."""
    return float((labels == predicted).mean())


def confusion_matrix(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Counts, int64 of shape (classes, classes): true label by predicted label."""
    return np.bincount(labels * classes + predicted, minlength=classes**2).reshape(classes, classes)


def f1_per_class(confusion: np.ndarray) -> np.ndarray:
    """F1 of each class for matrices (..., classes, classes); 0 for a class that is neither there nor predicted."""
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    return _shares(2 * hits, confusion.sum(axis=-1) + confusion.sum(axis=-2))


def mean_f1(confusion: np.ndarray) -> np.ndarray:
    """Macro-F1 of matrices (..., classes, classes): the mean over the classes that occur or are predicted."""
    present = (confusion.sum(axis=-1) + confusion.sum(axis=-2) > 0).sum(axis=-1)
    return f1_per_class(confusion).sum(axis=-1) / present


def weighted_f1(confusion: np.ndarray) -> float:
    """The mean of the classes' F1, each weighted by the rows that are of it, for a matrix (classes, classes)."""
    return float(np.average(f1_per_class(confusion), weights=confusion.sum(axis=1)))


def micro_f1(confusion: np.ndarray) -> float:
    """F1 over the decisions of all classes together; with one label a row, this is the accuracy."""
    return float(2 * np.trace(confusion) / (confusion.sum(axis=0) + confusion.sum(axis=1)).sum())


def precision_per_class(confusion: np.ndarray) -> np.ndarray:
    """The share of the rows called a class that are of it, (classes,); 0 for one that none is called."""
    return _shares(np.diagonal(confusion), confusion.sum(axis=0))


def recall_per_class(confusion: np.ndarray) -> np.ndarray:
    """The share of the rows of a class that are called it, (classes,); 0 for one without rows."""
    return _shares(np.diagonal(confusion), confusion.sum(axis=1))


def macro_f1(labels: np.ndarray, predicted: np.ndarray, classes: int) -> Interval:
    """Macro-F1, with a bootstrap over the rows."""
    value = float(mean_f1(confusion_matrix(labels, predicted, classes)))
    draws = bootstrap_f1(labels, [predicted], classes, DRAWS, np.random.default_rng(0))[0]
    return _interval(value, draws)


def calibration_error(labels: np.ndarray, probabilities: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error: |confidence - accuracy| over equal bins (Guo et al. 2017, equation 5)."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    numbers = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        abs(confidence[numbers == number].mean() - right[numbers == number].mean()) * (numbers == number).mean()
        for number in np.unique(numbers)
    ]
    return float(sum(gaps))


def gap_closed(seeds: Sequence[SeedPredictions], classes: int) -> Interval | None:
    """(distilled - alone) / (teacher - alone) on macro-F1, the ratio of the mean differences over the seeds.

    The interval is a bootstrap over seeds and rows. None where teacher - alone is under 1 point or its interval holds
    zero. Raises ValueError without a seed.
    """
    if not seeds:
        raise ValueError("gap_closed needs the predictions of at least one seed")
    observed = np.stack([_scores(seed, classes) for seed in seeds]).mean(axis=0)
    predictions = [[seed.teacher, seed.alone, seed.distilled] for seed in seeds]
    drawn = bootstrap_over_seeds([seed.labels for seed in seeds], predictions, classes)
    gaps = drawn[:, 0] - drawn[:, 1]
    if observed[0] - observed[1] < SMALLEST_GAP or np.quantile(gaps, 0.025) <= 0:
        return None
    ratios = (drawn[:, 2] - drawn[:, 1])[gaps > 0] / gaps[gaps > 0]
    return _interval(float((observed[2] - observed[1]) / (observed[0] - observed[1])), ratios)


def _shares(parts: np.ndarray, wholes: np.ndarray) -> np.ndarray:
    """Parts over wholes; 0 where there is no whole."""
    return np.divide(parts, wholes, out=np.zeros(parts.shape), where=wholes > 0)


def _scores(seed: SeedPredictions, classes: int) -> np.ndarray:
    """Macro-F1 of teacher, alone, distilled."""
    predictions = (seed.teacher, seed.alone, seed.distilled)
    return np.array([mean_f1(confusion_matrix(seed.labels, predicted, classes)) for predicted in predictions])


def bootstrap_over_seeds(
    labels: Sequence[np.ndarray], predictions: Sequence[Sequence[np.ndarray]], classes: int
) -> np.ndarray:
    """Mean macro-F1 over seeds of each model, (draws, models); both seeds and rows are drawn with replacement.

    `labels` are those of each seed's test rows, `predictions` each seed's models'. Rows are drawn for each seed anew,
    twice for a seed that is drawn twice; once for all seeds where all have the same rows.
    """
    generator, count = np.random.default_rng(0), len(labels)
    if are_same_rows(labels):
        models = [predicted for seed in predictions for predicted in seed]
        drawn = bootstrap_f1(labels[0], models, classes, DRAWS, generator).reshape(count, -1, 1, DRAWS)
        replicates = np.broadcast_to(drawn, (count, len(predictions[0]), count, DRAWS))
    else:
        both = zip(labels, predictions, strict=True)
        replicates = np.stack([bootstrap_f1(*seed, classes, count * DRAWS, generator) for seed in both])
        replicates = replicates.reshape(count, -1, count, DRAWS)
    chosen = generator.integers(count, size=(count, DRAWS))
    places = np.arange(count)[:, None]
    means: np.ndarray = replicates[chosen, :, places, np.arange(DRAWS)[None, :]].mean(axis=0)
    return means


def are_same_rows(labels: Sequence[np.ndarray]) -> bool:
    """Whether all seeds have the same test rows, as far as their labels tell: the same, in the same order."""
    return all(np.array_equal(labels[0], own) for own in labels[1:])


def bootstrap_f1(
    labels: np.ndarray, predictions: Sequence[np.ndarray], classes: int, draws: int, generator: np.random.Generator
) -> np.ndarray:
    """Macro-F1 of (models, draws) over the same resampled rows for all models.

    Rows with the same label and predictions are alike, so a sample of rows is a multinomial draw over the kinds of row.
    """
    kinds, counts = np.unique(np.stack([labels, *predictions], axis=1), axis=0, return_counts=True)
    sampled = generator.multinomial(len(labels), counts / len(labels), size=draws)
    scores = []
    for model in range(1, kinds.shape[1]):
        cells = np.zeros((len(kinds), classes**2), dtype=np.int64)
        cells[np.arange(len(kinds)), kinds[:, 0] * classes + kinds[:, model]] = 1
        scores.append(mean_f1((sampled @ cells).reshape(draws, classes, classes)))
    return np.stack(scores)


def _interval(value: float, draws: np.ndarray) -> Interval:
    low, high = np.quantile(draws, [0.025, 0.975])
    return Interval(value=value, low=float(low), high=float(high))
