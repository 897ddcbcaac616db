"""Thresholds of a student that answers alone where it is sure."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.scores.cascade import find_threshold, follow, lower_bound, rows_needed
from materials.tasks import task_of


def drawn(rows, *, seed, slope=0.55):
    """The sureness of rows, and whether student and teacher agree: the surer, the more often."""
    draw = np.random.default_rng(seed)
    sureness = draw.uniform(0.5, 1.0, size=rows)
    return sureness, draw.uniform(size=rows) < 1 - slope * (1 - sureness)


def test_lower_bound_is_that_of_clopper_and_pearson():
    # Without a failure in n rows the bound p solves p^n = 0.05; 99 of 100 is from its defining equation.
    assert lower_bound(9, 9) == pytest.approx(0.05 ** (1 / 9))
    assert lower_bound(0, 9) == 0
    assert lower_bound(99, 100) == pytest.approx(0.9534, abs=1e-4)


def test_rows_needed_prove_the_wish_and_one_less_do_not():
    for wished in (0.9, 0.95, 0.97, 0.99):
        rows = rows_needed(wished)
        assert lower_bound(rows, rows) >= wished > lower_bound(rows - 1, rows - 1)


@pytest.mark.parametrize(("wished", "rows"), [(0.9, 800), (0.95, 2_000)])
def test_promised_agreement_holds_on_other_rows_in_nineteen_of_twenty_drawings(wished, rows):
    broken = found = 0
    for seed in range(200):
        threshold = find_threshold(*drawn(rows, seed=seed), wished)
        if threshold is not None:
            sureness, agrees = drawn(50_000, seed=10_000 + seed)
            found += 1
            broken += agrees[sureness >= threshold].mean() < wished
    assert found >= 150
    assert broken <= 200 / 20


def test_promise_holds_for_the_student_that_the_same_rows_chose():
    slope, wished, broken, found = 0.24, 0.95, {1: 0, 20: 0}, {1: 0, 20: 0}
    for seed in range(200):
        draw = np.random.default_rng(seed)
        sureness = draw.uniform(0.5, 1.0, size=1_500)
        # Twenty epochs that are equally good; the one that agrees most on these rows is kept.
        epochs = [draw.uniform(size=1_500) < 1 - slope * (1 - sureness) for _ in range(20)]
        best = max(epochs, key=lambda agrees: agrees.sum())
        for chosen_from in broken:
            threshold = find_threshold(sureness, best, wished, chosen_from=chosen_from)
            if threshold is not None:
                true_agreement = 1 - slope * (1 - (1 + threshold) / 2)
                found[chosen_from] += 1
                broken[chosen_from] += true_agreement < wished
    assert min(found.values()) >= 150
    assert broken[20] <= 200 / 20 < broken[1]


def test_rows_that_chose_among_many_prove_less():
    rows = drawn(3_000, seed=0)
    alone, chosen = (find_threshold(*rows, 0.9, chosen_from=count) for count in (1, 40))
    assert alone < chosen
    assert find_threshold(np.ones(99), np.ones(99, dtype=bool), 0.97) == 1
    assert find_threshold(np.ones(99), np.ones(99, dtype=bool), 0.97, chosen_from=20) is None


def test_a_lower_wish_lets_the_student_answer_more():
    rows = drawn(3_000, seed=0)
    thresholds = [find_threshold(*rows, wished) for wished in (0.85, 0.9, 0.95)]
    assert thresholds == sorted(thresholds)
    assert thresholds[0] < thresholds[-1]


@given(st.integers(1, 400), st.integers(0, 2**16), st.sampled_from([0.9, 0.97]))
@settings(max_examples=50, deadline=None)
def test_threshold_proves_what_it_promises_on_its_own_rows(rows, seed, wished):
    sureness, agrees = drawn(rows, seed=seed, slope=0.2)
    threshold = find_threshold(sureness, agrees, wished)
    if rows < rows_needed(wished):
        assert threshold is None
    if threshold is not None:
        chosen = sureness >= threshold
        assert lower_bound(int(agrees[chosen].sum()), int(chosen.sum())) >= wished


@pytest.mark.parametrize("task", ["single-label", "multi-label"])
def test_following_a_threshold_takes_each_row_from_whoever_answers(task):
    asked = task_of(task)
    student, teacher = np.random.default_rng(0).normal(size=(2, 50, 3))
    sureness = asked.sureness(student)
    outcome = follow(asked, student, teacher, float(np.median(sureness)))
    alone = sureness >= np.median(sureness)
    assert outcome.share == pytest.approx(alone.mean())
    assert np.array_equal(outcome.outputs[alone], student[alone])
    assert np.array_equal(outcome.outputs[~alone], teacher[~alone])
    assert outcome.agreement == pytest.approx(asked.decides_alike(student, teacher)[alone].mean())
    assert follow(asked, student, teacher, 1.1).agreement is None


def test_sureness_of_several_labels_is_that_of_the_least_sure_one():
    outputs = np.log(np.array([[0.9, 0.2], [0.6, 0.01]]) / (1 - np.array([[0.9, 0.2], [0.6, 0.01]])))
    assert task_of("multi-label").sureness(outputs) == pytest.approx([0.8, 0.6])
