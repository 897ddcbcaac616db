"""Whether two models, or two files, differ: paired tests on the same rows, and tests on interleaved times."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.scores.quality import (
    DRAWS,
    Interval,
    are_same_rows,
    bootstrap_f1,
    bootstrap_over_seeds,
    confusion_matrix,
    mean_f1,
)

POSTERIOR_DRAWS = 10_000
ALARM_P, ALARM_RATIO = 0.01, 0.02


@dataclass(frozen=True, kw_only=True)
class QualityChange:
    """New minus base on the same rows: macro-F1 with its paired bootstrap interval, accuracy with McNemar's p."""

    macro_f1: Interval
    accuracy: float
    mcnemar_p: float

    @property
    def verdict(self) -> str:
        """Better or worse where the interval of macro-F1 does not hold zero, else same."""
        return "better" if self.macro_f1.low > 0 else "worse" if self.macro_f1.high < 0 else "same"


@dataclass(frozen=True, kw_only=True)
class TimeChange:
    """New time divided by base time, with its bootstrap interval and the Mann-Whitney p of the two samples.

    `smallest` is the change that is worth an alarm; times that were not taken in turns need a larger one.
    """

    ratio: Interval
    p: float
    smallest: float = ALARM_RATIO

    @property
    def is_alarm(self) -> bool:
        """Whether the times differ: p under 0.01 and a ratio beyond the smallest that counts."""
        return self.p < ALARM_P and abs(self.ratio.value - 1) > self.smallest

    @property
    def verdict(self) -> str:
        """Better is faster."""
        return "same" if not self.is_alarm else "better" if self.ratio.value < 1 else "worse"


def compare_quality(labels: np.ndarray, base: np.ndarray, new: np.ndarray, classes: int) -> QualityChange:
    """Compare two models' predicted labels, each int64 of shape (rows,), on the same rows."""
    scores = [float(mean_f1(confusion_matrix(labels, predicted, classes))) for predicted in (base, new)]
    draws = bootstrap_f1(labels, [base, new], classes, DRAWS, np.random.default_rng(0))
    low, high = np.quantile(draws[1] - draws[0], [0.025, 0.975])
    return QualityChange(
        macro_f1=Interval(value=scores[1] - scores[0], low=float(low), high=float(high)),
        accuracy=float((new == labels).mean() - (base == labels).mean()),
        mcnemar_p=mcnemar_p(base == labels, new == labels),
    )


@dataclass(frozen=True, kw_only=True)
class SeedPair:
    """Labels and the predicted labels of two models for one seed's test rows, each int64 of shape (rows,)."""

    labels: np.ndarray
    base: np.ndarray
    new: np.ndarray


@dataclass(frozen=True, kw_only=True)
class SeedsChange:
    """New minus base over several seeds; `believed_better` is the posterior probability that new is better."""

    macro_f1: Interval
    mcnemar_p: float
    believed_better: float


def compare_over_seeds(pairs: Sequence[SeedPair], classes: int) -> SeedsChange:
    """Compare two models trained with several seeds: the mean difference of macro-F1, and whether it is chance.

    The interval is a bootstrap over seeds and rows; McNemar's p is the median of the seeds'.
    """
    matrices = [_matrices(pair, classes) for pair in pairs]
    drawn = bootstrap_over_seeds([pair.labels for pair in pairs], [[pair.base, pair.new] for pair in pairs], classes)
    low, high = np.quantile(drawn[:, 1] - drawn[:, 0], [0.025, 0.975])
    p = [mcnemar_p(pair.base == pair.labels, pair.new == pair.labels) for pair in pairs]
    return SeedsChange(
        macro_f1=Interval(
            value=float(np.mean([mean_f1(new) - mean_f1(base) for base, new in matrices])),
            low=float(low),
            high=float(high),
        ),
        mcnemar_p=float(np.median(p)),
        believed_better=believed_better(pairs, classes),
    )


def believed_better(pairs: Sequence[SeedPair], classes: int) -> float:
    """The probability that the mean macro-F1 of the new models is above that of the base models.

    Each confusion matrix is a draw from a multinomial over its cells, so with a Dirichlet prior its cells have a
    Dirichlet posterior, from which macro-F1 is drawn (Caelen 2017). The prior weighs as much as one row (Perks 1947).
    Classes that occur in neither matrix of a pair are left out. Seeds with the same rows are one pair, of their mean
    matrices: the same rows seen by three models are no three sets of rows.
    """
    generator = np.random.default_rng(0)
    matrices = [_matrices(pair, classes) for pair in pairs]
    if are_same_rows([pair.labels for pair in pairs]):
        matrices = [np.mean(matrices, axis=0)]
    draws = []
    for both in matrices:
        occur = np.flatnonzero(both.sum(axis=(0, 1)) + both.sum(axis=(0, 2)))
        draws.append([posterior_f1(matrix[np.ix_(occur, occur)], generator) for matrix in both])
    base, new = np.mean(draws, axis=0)
    return float((new > base).mean() + (new == base).mean() / 2)


def _matrices(pair: SeedPair, classes: int) -> np.ndarray:
    """The confusion matrices of base and new, (2, classes, classes)."""
    return np.stack([confusion_matrix(pair.labels, one, classes) for one in (pair.base, pair.new)])


def posterior_f1(confusion: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Macro-F1 of POSTERIOR_DRAWS matrices from the posterior of a confusion matrix (classes, classes)."""
    prior = 1 / confusion.size
    drawn = generator.dirichlet(confusion.ravel() + prior, size=POSTERIOR_DRAWS)
    return mean_f1(drawn.reshape(POSTERIOR_DRAWS, *confusion.shape))


def mcnemar_p(base_right: np.ndarray, new_right: np.ndarray) -> float:
    """McNemar's exact two-sided p: whether the rows that only one model gets right split evenly (McNemar 1947).

    Both are boolean of shape (rows,). 1 when the models are right on the same rows.
    """
    from scipy.stats import binomtest

    only_base, only_new = int((base_right & ~new_right).sum()), int((new_right & ~base_right).sum())
    return float(binomtest(only_base, only_base + only_new).pvalue) if only_base + only_new else 1.0


def compare_times(base: Sequence[float], new: Sequence[float]) -> TimeChange:
    """Compare two samples of independent times, such as the medians of interleaved launches (Mann and Whitney 1947).

    The interval is a bootstrap over the samples. Raises ValueError with fewer than 5 times on a side, where no
    difference, however large, could reach p < 0.01.
    """
    from scipy.stats import mannwhitneyu

    if min(len(base), len(new)) < 5:
        raise ValueError(f"compare_times needs 5 or more times on each side; got {len(base)} and {len(new)}")
    generator = np.random.default_rng(0)
    draws = _median_draws(new, generator) / _median_draws(base, generator)
    low, high = np.quantile(draws, [0.025, 0.975])
    ratio = Interval(value=float(np.median(new) / np.median(base)), low=float(low), high=float(high))
    return TimeChange(ratio=ratio, p=float(mannwhitneyu(base, new).pvalue))


def t_interval(scores: Sequence[float] | np.ndarray) -> Interval | None:
    """The mean over seeds with its 95 % t-interval; none for a single seed."""
    from scipy.stats import t

    if len(scores) < 2:
        return None
    mean, error = float(np.mean(scores)), float(np.std(scores, ddof=1) / np.sqrt(len(scores)))
    half = float(t.ppf(0.975, len(scores) - 1)) * error
    return Interval(value=mean, low=mean - half, high=mean + half)


def _median_draws(times: Sequence[float], generator: np.random.Generator) -> np.ndarray:
    values = np.asarray(times, dtype=float)
    return np.median(values[generator.integers(len(values), size=(DRAWS, len(values)))], axis=1)
