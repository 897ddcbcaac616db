import numpy as np
import pytest

import bench.scores.bootstrap as resampling
from bench.scores.bootstrap import DRAWS, bootstrap
from bench.scores.quality import GapOutputs, gap_closed, score
from bench.scores.significance import SeedPair, compare_over_seeds, compare_quality
from materials.tasks import task_of

TASK, NUMBER = task_of("single-label"), task_of("regression")
ROWS = np.arange(240)


def one_hot(called):
    return np.eye(3)[called]


def seed_of(count, shift):
    """Three classes in a pattern, and three models that call another class in so many of a hundred rows."""
    rows = ROWS[:count]
    labels = rows * 7 % 11 % 3

    def called(wrong_per_100, step):
        return one_hot(np.where(rows * step % 100 < wrong_per_100, (labels + 1 + rows % 2) % 3, labels))

    return GapOutputs(
        targets=labels,
        teacher=called(12, 37 + shift),
        alone=called(40, 61 + 2 * shift),
        distilled=called(22, 83 + 4 * shift),
    )


def pair(base, new):
    return SeedPair(targets=SEEDS[0].targets, base=base, new=new)


SEEDS = [seed_of(200, 0), seed_of(240, 2)]
# The value, low and high that bench.scores.quality and significance gave at commit 7a664eb, whose bootstrap was of
# macro-F1 alone, for the predictions above (numpy 2.4.6, whose random numbers it takes).
FORMER = {
    "macro-F1": (0.5981058766391452, 0.5241795026269158, 0.6611851010705898),
    "two models": (0.1801626384714753, 0.10087531081766479, 0.2577913338286755),
    "seeds of other rows": (0.1788756635428554, 0.12464581940177595, 0.2356364410058251),
    "seeds of the same rows": (0.2307666467107689, 0.13495244261012052, 0.33759117920137094),
    "gap closed": (0.6381278958368073, 0.4750786010794859, 0.7973684535823493),
}


def test_intervals_of_macro_f1_are_those_of_before_there_were_other_metrics():
    first = SEEDS[0]
    pairs = [SeedPair(targets=seed.targets, base=seed.alone, new=seed.distilled) for seed in SEEDS]
    same_rows = [pair(first.alone, first.teacher), pair(first.alone, first.distilled)]
    intervals = {
        "macro-F1": score(TASK.headline, first.targets, first.alone),
        "two models": compare_quality(TASK, first.targets, first.alone, first.distilled).headline,
        "seeds of other rows": compare_over_seeds(TASK, pairs).headline,
        "seeds of the same rows": compare_over_seeds(TASK, same_rows).headline,
        "gap closed": gap_closed(TASK, SEEDS),
    }
    for name, interval in intervals.items():
        assert (interval.value, interval.low, interval.high) == pytest.approx(FORMER[name], abs=1e-12), name


def metric_of(name):
    return next(metric for task in (TASK, NUMBER) for metric in task.metrics if metric.name == name)


def rows_for(name):
    """Targets and the outputs of two models, for a metric of classes or of numbers."""
    if name in {metric.name for metric in TASK.metrics}:
        return SEEDS[0].targets, [SEEDS[0].alone, SEEDS[0].distilled]
    generator = np.random.default_rng(0)
    targets = generator.normal(size=120).round(1)
    return targets, [(targets + generator.normal(size=120)).round(1)[:, None] for _ in range(2)]


@pytest.mark.parametrize("name", ["macro_f1", "accuracy", "spearman", "pearson", "mean_squared_error"])
def test_spread_of_the_draws_is_that_of_rows_drawn_one_by_one(name):
    metric = metric_of(name)
    targets, (outputs, _) = rows_for(name)
    generator = np.random.default_rng(1)
    drawn_rows = generator.integers(len(targets), size=(400, len(targets)))
    by_row = [metric(targets[rows], outputs[rows]) for rows in drawn_rows]
    draws = bootstrap(metric, targets, [outputs])[0]
    assert draws.shape == (DRAWS,)
    assert draws.mean() == pytest.approx(np.mean(by_row), abs=0.3 * np.std(by_row))
    assert draws.std() == pytest.approx(np.std(by_row), rel=0.15)


@pytest.mark.parametrize("name", ["macro_f1", "spearman", "pearson"])
def test_models_are_scored_on_the_same_drawn_rows(name):
    targets, (outputs, others) = rows_for(name)
    draws = bootstrap(metric_of(name), targets, [outputs, outputs.copy(), others])
    assert np.array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])


@pytest.mark.parametrize("name", ["macro_f1", "spearman", "pearson"])
def test_draws_do_not_depend_on_how_many_fit_in_memory_at_once(name, monkeypatch):
    targets, outputs = rows_for(name)
    at_once = bootstrap(metric_of(name), targets, outputs, draws=50)
    monkeypatch.setattr(resampling, "MOST_WEIGHTS", 7 * len(targets))
    assert bootstrap(metric_of(name), targets, outputs, draws=50) == pytest.approx(at_once, abs=1e-12)


def test_order_of_the_rows_does_not_matter_to_a_metric_of_sums():
    targets, outputs = rows_for("macro_f1")
    order = np.random.default_rng(2).permutation(len(targets))
    shuffled = bootstrap(TASK.headline, targets[order], [outputs[0][order]], draws=50)
    assert np.array_equal(shuffled, bootstrap(TASK.headline, targets, outputs[:1], draws=50))


def test_model_that_is_always_right_is_so_in_every_draw():
    targets = SEEDS[0].targets
    assert set(bootstrap(TASK.headline, targets, [one_hot(targets)])[0]) == {1}


def test_many_classes_are_summed_by_place_to_what_dense_sums_give(monkeypatch):
    generator = np.random.default_rng(0)
    targets = generator.integers(0, 200, 600)
    outputs = np.eye(200, dtype=np.float32)[np.where(generator.random(600) < 0.7, targets, targets[::-1])]
    metric = TASK.headline
    sparse = bootstrap(metric, targets, [outputs], draws=50)
    monkeypatch.setattr(resampling, "MOST_FILLED", 0.0)
    assert np.array_equal(sparse, bootstrap(metric, targets, [outputs], draws=50))
