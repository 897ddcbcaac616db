"""Resampled rows: any metric of several models on the same draws, for one seed or over several."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from materials.tasks.metrics import Metric

DRAWS = 2000
MOST_WEIGHTS = 10_000_000  # numbers in memory at once
MOST_FILLED = 0.05


def bootstrap(
    metric: Metric,
    targets: np.ndarray,
    outputs: Sequence[np.ndarray],
    *,
    draws: int = DRAWS,
    generator: np.random.Generator | None = None,
) -> np.ndarray:
    """The metric of each model, (models, draws), over the same resampled rows for all models.

    `outputs` holds an array (rows, outputs) for each model. Rows in the same state for all models are alike, so a
    sample of rows is a multinomial draw over the kinds of row. For a metric that is no function of sums over rows, each
    row is a kind of its own.
    """
    generator = generator or np.random.default_rng(0)
    counts, value = _kinds(metric, targets, outputs)
    # All draws at once would be (draws, kinds) numbers, gigabytes where each row is a kind.
    chunk = max(1, MOST_WEIGHTS // len(counts))
    chunks = [min(chunk, draws - start) for start in range(0, draws, chunk)]
    # Each of n draws with replacement hits kind k with probability counts[k] / n, so the kinds' counts are multinomial.
    shares = counts / len(targets)
    return np.concatenate([value(generator.multinomial(len(targets), shares, size=size)) for size in chunks], axis=1)


def bootstrap_over_seeds(
    metric: Metric, targets: Sequence[np.ndarray], outputs: Sequence[Sequence[np.ndarray]]
) -> np.ndarray:
    """The mean metric over seeds of each model, (draws, models); both seeds and rows are drawn with replacement.

    `targets` holds the targets of each seed's test rows, `outputs` the outputs of each seed's models. Rows are drawn
    anew for each seed, and anew each time that a seed is drawn. Where all seeds have the same rows, each draw of rows
    serves all seeds.
    """
    generator, count = np.random.default_rng(0), len(targets)
    # A seed is drawn up to `count` times in one draw, so it has that many replicates: (seeds, models, count, DRAWS).
    if are_same_rows(targets):
        models = [model_outputs for seed in outputs for model_outputs in seed]
        metric_draws = bootstrap(metric, targets[0], models, generator=generator).reshape(count, -1, 1, DRAWS)
        replicates = np.broadcast_to(metric_draws, (count, len(outputs[0]), count, DRAWS))
    else:
        per_seed = zip(targets, outputs, strict=True)
        replicates = np.stack(
            [bootstrap(metric, *seed, draws=count * DRAWS, generator=generator) for seed in per_seed]
        ).reshape(count, -1, count, DRAWS)
    seed_numbers = generator.integers(count, size=(count, DRAWS))
    # In draw d, the n-th seed that is chosen gives its n-th replicate of all models. The slice stands between index
    # arrays, so numpy puts their axes first: (count, DRAWS, models).
    turns = np.arange(count)[:, None]
    means: np.ndarray = replicates[seed_numbers, :, turns, np.arange(DRAWS)[None, :]].mean(axis=0)
    return means


def are_same_rows(targets: Sequence[np.ndarray]) -> bool:
    """Whether all seeds have the same test rows, as far as their targets tell: the same, in the same order."""
    return all(np.array_equal(targets[0], seed_targets) for seed_targets in targets[1:])


def _kinds(
    metric: Metric, targets: np.ndarray, outputs: Sequence[np.ndarray]
) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    """How many rows are of each kind, and the metric (models, draws) where kinds count (draws, kinds) times."""
    if metric.sums is None:
        return np.ones(len(targets)), lambda weights: np.stack(
            [metric.resampled(targets, model_outputs, weights) for model_outputs in outputs]
        )
    sums = metric.sums
    states = [sums.states(targets, model_outputs) for model_outputs in outputs]
    kinds, counts = np.unique(np.concatenate(states, axis=1), axis=0, return_counts=True)
    per_model = np.split(kinds, len(states), axis=1)
    statistics = [
        sums.statistics(model_kinds, model_outputs.shape[1])
        for model_kinds, model_outputs in zip(per_model, outputs, strict=True)
    ]
    summed = [_quick_to_sum(model_statistics) for model_statistics in statistics]
    return counts, lambda weights: _values(sums.value, weights.astype(np.float64), summed)


def _quick_to_sum(statistics: np.ndarray) -> Any:
    """Statistics (kinds, columns) for products with weights: of many classes, where a kind counts in three, by place.

    Whole numbers below 2^53 are exact in float64, whose product is many times as fast as that of integers.
    """
    floats = statistics.astype(np.float64)
    if np.count_nonzero(floats) > MOST_FILLED * floats.size:
        return floats
    from scipy.sparse import csr_array

    return csr_array(floats)


def _values(value: Callable[[np.ndarray], np.ndarray], weights: np.ndarray, statistics: Sequence[Any]) -> np.ndarray:
    return np.stack([value(np.asarray(weights @ summed)) for summed in statistics])
