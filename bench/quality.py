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

    The interval is a bootstrap over seeds and, within each, over rows. None where teacher - alone is under 1 point or
    its interval holds zero. Raises ValueError without a seed.
    """
    if not seeds:
        raise ValueError("gap_closed needs the predictions of at least one seed")
    generator = np.random.default_rng(0)
    observed = np.stack([_scores(seed, classes) for seed in seeds]).mean(axis=0)
    drawn = over_seeds(np.stack([_replicates(seed, classes, len(seeds), generator) for seed in seeds]), generator)
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


def over_seeds(replicates: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Means over seeds that are drawn with replacement, (draws, figures).

    `replicates` holds for each seed as many bootstrap samples of its rows as there are seeds: (seeds, seeds, figures,
    draws), so that a seed drawn twice comes with two samples.
    """
    count = len(replicates)
    chosen = generator.integers(count, size=(count, DRAWS))
    places = np.arange(count)[:, None]
    means: np.ndarray = replicates[chosen, places, :, np.arange(DRAWS)[None, :]].mean(axis=0)
    return means


def _replicates(seed: SeedPredictions, classes: int, count: int, generator: np.random.Generator) -> np.ndarray:
    """Macro-F1 of (count, 3 models, draws) bootstrap samples of the rows."""
    predictions = [seed.teacher, seed.alone, seed.distilled]
    drawn = bootstrap_f1(seed.labels, predictions, classes, count * DRAWS, generator)
    return drawn.reshape(3, count, DRAWS).transpose(1, 0, 2)


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
