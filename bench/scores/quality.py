"""How good a model is: its metrics with their intervals, and how much of the gap to its teacher a student closes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.scores.bootstrap import bootstrap, bootstrap_over_seeds
from bench.scores.interval import Interval, interval_of
from materials.tasks.metrics import Metric
from materials.tasks.task import Task

SMALLEST_GAP = 0.01


@dataclass(frozen=True, kw_only=True)
class GapOutputs:
    """Targets, and the outputs of three models on them, for one seed's test rows."""

    targets: np.ndarray
    teacher: np.ndarray
    alone: np.ndarray
    distilled: np.ndarray

    @property
    def models(self) -> list[np.ndarray]:
        """The outputs of teacher, alone and distilled."""
        return [self.teacher, self.alone, self.distilled]


def score(metric: Metric, targets: np.ndarray, outputs: np.ndarray) -> Interval:
    """A metric with a bootstrap over the rows."""
    return interval_of(metric(targets, outputs), bootstrap(metric, targets, [outputs])[0])


def gap_closed(task: Task, seeds: Sequence[GapOutputs]) -> Interval | None:
    """(distilled - alone) / (teacher - alone) on the task's headline, the ratio of the mean differences over the seeds.

    The interval is a bootstrap over seeds and rows. None where teacher - alone is under 1 point or its interval holds
    zero. Raises ValueError without a seed.
    """
    if not seeds:
        raise ValueError("gap_closed needs the outputs of at least one seed")
    metric = task.headline
    sign = 1 if metric.higher_is_better else -1
    scores = [[metric(seed.targets, outputs) for outputs in seed.models] for seed in seeds]
    teacher_score, alone_score, distilled_score = sign * np.mean(scores, axis=0)
    score_draws = sign * bootstrap_over_seeds(metric, [seed.targets for seed in seeds], [seed.models for seed in seeds])
    gaps = score_draws[:, 0] - score_draws[:, 1]
    if teacher_score - alone_score < SMALLEST_GAP or np.quantile(gaps, 0.025) <= 0:
        return None
    # A draw without a gap has no ratio; the test above lets at most 2.5 % of the draws be so.
    ratios = (score_draws[:, 2] - score_draws[:, 1])[gaps > 0] / gaps[gaps > 0]
    return interval_of(float((distilled_score - alone_score) / (teacher_score - alone_score)), ratios)


def calibration_error(labels: np.ndarray, probabilities: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error: |confidence - accuracy| over equal bins (Guo et al. 2017, equation 5)."""
    confidence = probabilities.max(axis=1)
    is_right = probabilities.argmax(axis=1) == labels
    bin_numbers = np.minimum((confidence * bins).astype(int), bins - 1)  # a confidence of 1 is in the last bin
    gaps = [
        abs(confidence[bin_numbers == number].mean() - is_right[bin_numbers == number].mean())
        * (bin_numbers == number).mean()
        for number in np.unique(bin_numbers)
    ]
    return float(sum(gaps))
