import numpy as np
import pytest

from bench.scores import significance
from bench.scores.interval import Interval
from bench.scores.significance import (
    QualityChange,
    SeedPair,
    TimeChange,
    believed_better,
    compare_over_seeds,
    compare_quality,
    compare_times,
    mcnemar_p,
    posterior_f1,
    t_interval,
)
from materials.tasks import task_of

TASK = task_of("single-label")


def one_hot(predicted, classes=2):
    return np.eye(classes)[predicted]


def compare_labels(labels, base, new):
    """The change of quality between predicted labels."""
    return compare_quality(TASK, labels, one_hot(base), one_hot(new))


def right(both, only_base, only_new, neither):
    """Which rows base and new get right, so many of each kind."""
    counts = (both, only_base, only_new, neither)
    return (np.repeat(kinds, counts) for kinds in ([True, True, False, False], [True, False, True, False]))


def rows(count, wrong, seed):
    """Labels of two classes, and predictions that are wrong on a seeded share of the rows."""
    labels = np.arange(count) % 2
    return labels, np.where(np.random.default_rng(seed).random(count) < wrong, 1 - labels, labels)


def launches(count, median, noise, generator):
    return (median * np.exp(generator.normal(scale=noise, size=count))).tolist()


@pytest.mark.parametrize(
    ("only_base", "only_new", "p"),
    [
        (1, 9, 2 * (1 + 10) / 2**10),  # 0.0215
        (9, 1, 2 * (1 + 10) / 2**10),
        (0, 5, 2 / 2**5),
        (3, 3, 1),
        (0, 0, 1),
    ],
)
def test_mcnemar_by_hand(only_base, only_new, p):
    assert mcnemar_p(*right(50, only_base, only_new, 7)) == pytest.approx(p)


def pair(count, wrong_base, wrong_new, seed):
    labels, base = rows(count, wrong_base, seed=seed)
    new = rows(count, wrong_new, seed=seed + 100)[1]
    return SeedPair(targets=labels, base=one_hot(base), new=one_hot(new))


def test_change_over_seeds_is_the_mean_of_theirs_and_its_interval_is_wider_where_they_disagree():
    alike = [pair(500, 0.3, 0.2, seed) for seed in (0, 1, 2)]
    mixed = [pair(500, 0.3, wrong, seed) for seed, wrong in enumerate((0.05, 0.2, 0.45))]
    single = [
        compare_quality(TASK, seed_pair.targets, seed_pair.base, seed_pair.new).headline.value for seed_pair in alike
    ]
    over_alike, over_mixed = (compare_over_seeds(TASK, pairs).headline for pairs in (alike, mixed))
    assert over_alike.value == pytest.approx(np.mean(single))
    assert over_alike.low > 0 > over_mixed.low
    assert over_mixed.high - over_mixed.low > 2 * (over_alike.high - over_alike.low)


def test_interval_of_one_seed_is_that_of_its_rows():
    seed_pair = pair(2000, 0.3, 0.25, 0)
    over_seeds, over_rows = (
        compare_over_seeds(TASK, [seed_pair]).headline,
        compare_quality(TASK, seed_pair.targets, seed_pair.base, seed_pair.new).headline,
    )
    assert (over_seeds.low, over_seeds.high) == pytest.approx((over_rows.low, over_rows.high), abs=0.004)


def test_predictions_given_three_times_tell_no_more_than_once():
    seed_pair = pair(1000, 0.3, 0.25, 0)
    once, thrice = compare_over_seeds(TASK, [seed_pair]), compare_over_seeds(TASK, [seed_pair] * 3)
    assert (thrice.headline.low, thrice.headline.high) == pytest.approx(
        (once.headline.low, once.headline.high), abs=0.004
    )
    assert thrice.believed_better == pytest.approx(once.believed_better, abs=0.01)
    assert 0.9 < once.believed_better < 0.999  # else the line above could not fail


def test_other_rows_for_every_seed_tell_more_than_one_seed():
    pairs = [pair(1000 - 2 * seed, 0.3, 0.25, seed) for seed in (0, 1, 2)]
    single, over = compare_over_seeds(TASK, pairs[:1]).headline, compare_over_seeds(TASK, pairs).headline
    assert over.high - over.low < 0.8 * (single.high - single.low)


def test_posterior_of_macro_f1_is_where_scipy_says_for_a_case_by_hand():
    """With two classes that are always called rightly or wrongly alike, macro-F1 is the accuracy: a beta posterior."""
    from scipy.stats import beta

    drawn = posterior_f1(np.array([[400, 100], [100, 400]]), np.random.default_rng(0))
    assert drawn.mean() == pytest.approx(0.8, abs=0.005)
    assert drawn.std() == pytest.approx(beta(800.5, 200.5).std(), rel=0.1)


def test_classes_that_do_not_occur_leave_the_belief_as_it_is():
    seed_pair = pair(1000, 0.3, 0.25, 0)
    assert believed_better([seed_pair]) == believed_better([seed_pair])


def test_belief_is_even_for_equal_models_and_sure_for_a_clear_difference():
    labels, base = rows(1000, 0.3, seed=3)
    same = [SeedPair(targets=labels, base=one_hot(base), new=one_hot(base))]
    assert believed_better(same) == pytest.approx(0.5, abs=0.06)
    assert believed_better([pair(1000, 0.3, 0.1, 2)]) > 0.999
    assert believed_better([pair(1000, 0.1, 0.3, 2)]) < 0.001


def test_rows_that_both_get_right_or_wrong_do_not_matter_to_mcnemar():
    assert mcnemar_p(*right(0, 1, 9, 0)) == mcnemar_p(*right(5000, 1, 9, 300))


def test_identical_models_are_the_same_and_the_interval_is_zero():
    labels, predicted = rows(300, 0.2, seed=0)
    change = compare_labels(labels, predicted, predicted.copy())
    assert change.headline == Interval(value=0, low=0, high=0)
    assert (change.accuracy, change.mcnemar_p, change.verdict) == (0, 1, "same")


def test_change_is_new_minus_base():
    labels = np.array([0, 0, 1, 1])
    change = compare_labels(labels, np.array([0, 1, 1, 1]), labels)
    assert change.accuracy == pytest.approx(1 / 4)
    assert change.headline.value == pytest.approx(1 - (2 / 3 + 4 / 5) / 2)


def test_swapping_the_models_turns_the_change_round():
    labels, base = rows(2000, 0.25, seed=1)
    new = rows(2000, 0.15, seed=2)[1]
    forward, backward = compare_labels(labels, base, new), compare_labels(labels, new, base)
    assert (forward.verdict, backward.verdict) == ("better", "worse")
    assert forward.accuracy == -backward.accuracy
    assert forward.mcnemar_p == backward.mcnemar_p < 0.001
    assert forward.headline.value == -backward.headline.value
    assert (forward.headline.low, forward.headline.high) == pytest.approx(
        (-backward.headline.high, -backward.headline.low), abs=0.003
    )


def test_models_are_compared_on_the_same_drawn_rows():
    labels, base = rows(1000, 0.3, seed=3)
    new = base.copy()
    new[np.flatnonzero(base != labels)[:12]] = labels[np.flatnonzero(base != labels)[:12]]
    change = compare_labels(labels, base, new)  # 1.2 points, where either alone is known to 2.8
    assert change.verdict == "better"
    assert change.headline.high - change.headline.low < 0.02


def test_two_equally_good_models_differ_about_as_seldom_as_the_interval_says():
    verdicts = []
    for draw in range(60):
        labels, base = rows(400, 0.2, seed=2 * draw)
        verdicts.append(compare_labels(labels, base, rows(400, 0.2, seed=2 * draw + 1)[1]).verdict)
    assert verdicts.count("same") >= 52


@pytest.mark.parametrize(
    ("low", "high", "verdict"), [(0.01, 0.02, "better"), (-0.02, -0.01, "worse"), (-0.01, 0.02, "same")]
)
def test_quality_verdict_needs_an_interval_without_zero(low, high, verdict):
    interval = Interval(value=(low + high) / 2, low=low, high=high)
    assert QualityChange(headline=interval, accuracy=0, mcnemar_p=1).verdict == verdict


@pytest.mark.parametrize(("base", "new"), [(4, 5), (5, 4), (0, 5)])
def test_compare_times_needs_five_on_each_side(base, new):
    with pytest.raises(ValueError, match=f"5 or more times on each side; got {base} and {new}"):
        compare_times([1.0] * base, [1.0] * new)


@pytest.mark.parametrize("times", [[1.0, 1.1, 0.9, 1.05, 0.95], [2.0] * 6])
def test_identical_times_are_no_alarm(times):
    change = compare_times(times, times)
    assert change.ratio.value == 1
    assert change.p == pytest.approx(1)
    assert change.verdict == "same"


def test_times_of_five_launches_that_do_not_overlap_reach_an_alarm():
    change = compare_times([1.0, 1.01, 1.02, 1.03, 1.04], [1.1, 1.11, 1.12, 1.13, 1.14])
    assert change.p == pytest.approx(2 / 252)
    assert change.ratio.value == pytest.approx(1.12 / 1.02)
    assert change.is_alarm


@pytest.mark.parametrize("seed", range(10))
def test_ten_percent_slower_is_an_alarm_and_ten_percent_faster_is_better(seed):
    generator = np.random.default_rng(seed)
    base, slower = launches(6, 5.0, 0.01, generator), launches(6, 5.5, 0.01, generator)
    forward, backward = compare_times(base, slower), compare_times(slower, base)
    assert (forward.verdict, backward.verdict) == ("worse", "better")
    assert forward.ratio.value == pytest.approx(1.1, rel=0.03)
    assert forward.ratio.low <= forward.ratio.value <= forward.ratio.high


def test_one_percent_slower_is_no_alarm_however_sure():
    base = np.linspace(1.0, 1.001, 30)
    change = compare_times(base.tolist(), (base * 1.01).tolist())
    assert change.p < 0.01
    assert not change.is_alarm


def test_the_same_model_seldom_alarms():
    generator = np.random.default_rng(0)
    alarms = sum(
        compare_times(launches(6, 5.0, 0.03, generator), launches(6, 5.0, 0.03, generator)).is_alarm for _ in range(400)
    )
    assert alarms < 0.02 * 400


def test_times_that_were_not_taken_in_turns_need_a_larger_change():
    ratio = Interval(value=1.06, low=1.04, high=1.08)
    assert TimeChange(ratio=ratio, p=0.002).verdict == "worse"
    assert TimeChange(ratio=ratio, p=0.002, smallest=0.10).verdict == "same"


def test_t_interval_by_hand():
    interval = t_interval([1, 2, 3])
    half = 4.302653 / np.sqrt(3)  # t of two degrees of freedom; the deviation is 1
    assert interval.value == 2
    assert (interval.low, interval.high) == pytest.approx((2 - half, 2 + half))


def test_a_single_seed_has_no_interval():
    assert t_interval([0.9]) is None
    assert t_interval([]) is None


@pytest.mark.parametrize("count", [5, 6, 13, 30])
def test_drawn_medians_are_distributed_as_those_of_resampled_times(count):
    times = np.random.default_rng(count).lognormal(size=count)
    drawn = np.concatenate([significance._median_draws(times, np.random.default_rng(seed)) for seed in range(20)])
    numbers = np.random.default_rng(1).integers(count, size=(40_000, count))
    resampled = np.median(times[numbers], axis=1)
    for value in np.quantile(resampled, [0.1, 0.3, 0.5, 0.7, 0.9]):
        assert (drawn <= value).mean() == pytest.approx((resampled <= value).mean(), abs=0.015)
