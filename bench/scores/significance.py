"""Whether two models, or two files, differ: paired tests on the same rows, and tests on interleaved times."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.scores.bootstrap import DRAWS, are_same_rows, bootstrap, bootstrap_over_seeds
from bench.scores.confusion import confusion_matrix, sums_of
from bench.scores.interval import Interval, interval_of
from bench.scores.p_values import even_split_p, mann_whitney_p
from materials.tasks.metrics import macro_f1
from materials.tasks.task import Task

POSTERIOR_DRAWS = 10_000
ALARM_P, ALARM_RATIO = 0.01, 0.02


@dataclass(frozen=True, kw_only=True)
class QualityChange:
    """New minus base on the same rows: the task's headline with its paired bootstrap interval, positive where better.

    `accuracy` is the change of the share of right rows, with McNemar's p; none where rows are not right or wrong.
    """

    headline: Interval
    accuracy: float | None
    mcnemar_p: float | None

    @property
    def verdict(self) -> str:
        """Better or worse where the interval of the headline does not hold zero, else same."""
        return "better" if self.headline.low > 0 else "worse" if self.headline.high < 0 else "same"


@dataclass(frozen=True, kw_only=True)
class TimeChange:
    """New time divided by base time, with its bootstrap interval and the Mann-Whitney p of the two samples.

    `smallest` is the change that is worth an alarm; times that were not taken in turns need a larger one.
    """

    ratio: Interval
    p: float
    smallest: float = ALARM_RATIO

    @property
    def rate(self) -> Interval:
        """New rate divided by base rate, where the times are those of one text."""
        return Interval(value=1 / self.ratio.value, low=1 / self.ratio.high, high=1 / self.ratio.low)

    @property
    def is_alarm(self) -> bool:
        """Whether the times differ: p under 0.01 and a ratio beyond the smallest that counts."""
        return self.p < ALARM_P and abs(self.ratio.value - 1) > self.smallest

    @property
    def verdict(self) -> str:
        """Better is faster."""
        return "same" if not self.is_alarm else "better" if self.ratio.value < 1 else "worse"


def compare_quality(task: Task, targets: np.ndarray, base: np.ndarray, new: np.ndarray) -> QualityChange:
    """Compare the outputs of two models, each (rows, outputs), on the same rows, all of which have a target."""
    metric = task.headline
    sign = 1 if metric.higher_is_better else -1
    # Equal models score alike on any rows: there is nothing to draw, which is all of a comparison of unchanged files.
    draws = np.zeros((2, DRAWS)) if np.array_equal(base, new) else bootstrap(metric, targets, [base, new])
    change = sign * (metric(targets, new) - metric(targets, base))
    base_right, new_right = task.right(targets, base), task.right(targets, new)
    headline = interval_of(change, sign * (draws[1] - draws[0]))
    if base_right is None or new_right is None:
        return QualityChange(headline=headline, accuracy=None, mcnemar_p=None)
    return QualityChange(
        headline=headline,
        accuracy=float(new_right.mean() - base_right.mean()),
        mcnemar_p=mcnemar_p(base_right, new_right),
    )


@dataclass(frozen=True, kw_only=True)
class SeedPair:
    """Targets, and the outputs of two models on them, for one seed's test rows."""

    targets: np.ndarray
    base: np.ndarray
    new: np.ndarray


@dataclass(frozen=True, kw_only=True)
class SeedsChange:
    """New minus base over several seeds; `believed_better` is the posterior probability that new is better.

    That and McNemar's p are none for tasks whose rows are not right or wrong, or have several labels.
    """

    headline: Interval
    mcnemar_p: float | None
    believed_better: float | None


def compare_over_seeds(task: Task, pairs: Sequence[SeedPair]) -> SeedsChange:
    """Compare two models trained with several seeds: the mean difference of the headline, and whether it is chance.

    The interval is a bootstrap over seeds and rows; McNemar's p is the median of the seeds'.
    """
    metric = task.headline
    sign = 1 if metric.higher_is_better else -1
    draws = bootstrap_over_seeds(metric, [pair.targets for pair in pairs], [[pair.base, pair.new] for pair in pairs])
    changes = [metric(pair.targets, pair.new) - metric(pair.targets, pair.base) for pair in pairs]
    p_values = [_mcnemar_of(task, pair) for pair in pairs]
    return SeedsChange(
        headline=interval_of(sign * float(np.mean(changes)), sign * (draws[:, 1] - draws[:, 0])),
        mcnemar_p=None if None in p_values else float(np.median([p for p in p_values if p is not None])),
        believed_better=believed_better(pairs) if task.name == "single-label" else None,
    )


def believed_better(pairs: Sequence[SeedPair]) -> float:
    """The probability that the mean macro-F1 of the new models is above that of the base models.

    Each confusion matrix is a draw from a multinomial over its cells, so with a Dirichlet prior its cells have a
    Dirichlet posterior, from which macro-F1 is drawn (Caelen 2017). The prior weighs as much as one row (Perks 1947).
    Classes that occur in neither matrix of a pair are left out. Seeds with the same rows are one pair, of their mean
    matrices: the same rows seen by three models are no three sets of rows.
    """
    generator = np.random.default_rng(0)
    matrices = [_matrices(pair) for pair in pairs]
    if are_same_rows([pair.targets for pair in pairs]):
        matrices = [np.mean(matrices, axis=0)]
    draws = []
    for base_and_new in matrices:
        present_classes = np.flatnonzero(base_and_new.sum(axis=(0, 1)) + base_and_new.sum(axis=(0, 2)))
        draws.append(
            [posterior_f1(matrix[np.ix_(present_classes, present_classes)], generator) for matrix in base_and_new]
        )
    base, new = np.mean(draws, axis=0)
    # Equal scores count half, so that two equal models are believed better with probability 0.5.
    return float((new > base).mean() + (new == base).mean() / 2)


def _mcnemar_of(task: Task, pair: SeedPair) -> float | None:
    base, new = (task.right(pair.targets, outputs) for outputs in (pair.base, pair.new))
    return None if base is None or new is None else mcnemar_p(base, new)


def _matrices(pair: SeedPair) -> np.ndarray:
    """The confusion matrices of base and new, (2, classes, classes)."""
    classes = pair.base.shape[1]
    return np.stack(
        [confusion_matrix(pair.targets, outputs.argmax(axis=1), classes) for outputs in (pair.base, pair.new)]
    )


def posterior_f1(confusion: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Macro-F1 of POSTERIOR_DRAWS matrices from the posterior of a confusion matrix (classes, classes)."""
    prior = 1 / confusion.size  # over all cells, as much as one row
    cell_shares = generator.dirichlet(confusion.ravel() + prior, size=POSTERIOR_DRAWS)
    return macro_f1(sums_of(cell_shares.reshape(POSTERIOR_DRAWS, *confusion.shape)))


def mcnemar_p(base_right: np.ndarray, new_right: np.ndarray) -> float:
    """McNemar's exact two-sided p: whether the rows that only one model gets right split evenly (McNemar 1947).

    Both are boolean of shape (rows,). 1 when the models are right on the same rows.
    """
    # Rows that both models get right, or both wrong, say nothing of which is better.
    only_base, only_new = int((base_right & ~new_right).sum()), int((new_right & ~base_right).sum())
    return even_split_p(only_base, only_new)


def compare_times(base: Sequence[float], new: Sequence[float]) -> TimeChange:
    """Compare two samples of independent times, such as the medians of interleaved launches (Mann and Whitney 1947).

    The interval is a bootstrap over the samples. Raises ValueError with fewer than 5 times on a side, where no
    difference, however large, could reach p < 0.01.
    """
    if min(len(base), len(new)) < 5:
        raise ValueError(f"compare_times needs 5 or more times on each side; got {len(base)} and {len(new)}")
    generator = np.random.default_rng(0)
    draws = _median_draws(new, generator) / _median_draws(base, generator)
    low, high = np.quantile(draws, [0.025, 0.975])
    ratio = Interval(value=float(np.median(new) / np.median(base)), low=float(low), high=float(high))
    return TimeChange(ratio=ratio, p=mann_whitney_p(base, new))


def t_interval(scores: Sequence[float] | np.ndarray) -> Interval | None:
    """The mean over seeds with its 95 % t-interval; none for a single seed."""
    from scipy.stats import t

    if len(scores) < 2:
        return None
    mean, standard_error = float(np.mean(scores)), float(np.std(scores, ddof=1) / np.sqrt(len(scores)))
    half_width = float(t.ppf(0.975, len(scores) - 1)) * standard_error
    return Interval(value=mean, low=mean - half_width, high=mean + half_width)


def _median_draws(times: Sequence[float], generator: np.random.Generator) -> np.ndarray:
    """The medians (DRAWS,) of samples of the times with replacement, drawn from their exact distribution.

    The k-th smallest of n uniform numbers is Beta(k, n - k + 1), and floor(n u) is the place among sorted times that
    the number u draws (Efron 1979). So two numbers stand for a sample of n.
    """
    values, count = np.sort(np.asarray(times, dtype=float)), len(times)
    lower, upper = (count + 1) // 2, count // 2 + 1  # the two in the middle, counted from 1; one where n is odd
    upper_draws = generator.beta(upper, count - upper + 1, size=DRAWS)
    # The largest of the `lower` numbers below one at u is u times the largest of as many uniform numbers.
    lower_draws = upper_draws if lower == upper else upper_draws * generator.beta(lower, 1, size=DRAWS)
    places = np.minimum((np.stack([lower_draws, upper_draws]) * count).astype(np.int64), count - 1)
    return values[places].mean(axis=0)
