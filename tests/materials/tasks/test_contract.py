"""What every task of the table promises, asked of each."""

import json
from collections.abc import Callable
from dataclasses import FrozenInstanceError, dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from export.gate.parity import ParityBounds
from materials.errors import RequestError
from materials.tasks import TASKS, task_of
from materials.tasks.task import Task


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What the cells of a column are read as, and the outputs of a model that says just the targets."""

    cells: list[Any]
    labels: list[Any]
    names: tuple[str, ...]
    targets: list[Any]
    perfect: Callable[[np.ndarray], np.ndarray]
    no_label: Any
    nothing_to_learn: list[Any]
    settings: dict[str, Any] = field(default_factory=dict)


SAMPLES = {
    "single-label": Sample(
        cells=["b", 10.0, "a", "b", "a", "b"],
        labels=["b", "10", "a", "b", "a", "b"],
        names=("10", "a", "b"),
        targets=[2, 0, 1, 2, 1, 2],
        perfect=lambda targets: 8.0 * np.eye(3)[targets],
        no_label=["a"],
        nothing_to_learn=["a", "a"],
    ),
    "multi-label": Sample(
        settings={"thresholds": [0.5, 0.2, 0.9]},
        cells=[["a", "c"], [], ("b",), np.array(["c"]), ["a", "b", "c"], ["b"]],
        labels=[("a", "c"), (), ("b",), ("c",), ("a", "b", "c"), ("b",)],
        names=("a", "b", "c"),
        targets=[[1, 0, 1], [0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1], [0, 1, 0]],
        perfect=lambda targets: 8.0 * (2 * targets - 1),
        no_label="a",
        nothing_to_learn=[(), ()],
    ),
    "regression": Sample(
        cells=["2.5", 3, -1.0, " 1e1 ", 0, 4.5],
        labels=[2.5, 3.0, -1.0, 10.0, 0.0, 4.5],
        names=("score",),
        targets=[2.5, 3.0, -1.0, 10.0, 0.0, 4.5],
        perfect=lambda targets: targets[:, None],
        no_label="many",
        nothing_to_learn=[3.0, 3.0],
    ),
}


@pytest.fixture(params=TASKS)
def sample(request: pytest.FixtureRequest) -> Sample:
    return SAMPLES[request.param]


@pytest.fixture
def task(request: pytest.FixtureRequest, sample: Sample) -> Task:
    return task_of(request.node.callspec.params["sample"], sample.settings)


@pytest.fixture
def targets(task: Task, sample: Sample) -> np.ndarray:
    return task.targets(sample.labels, sample.names)


def noisy(sample: Sample, targets: np.ndarray, seed: int = 0) -> np.ndarray:
    """Outputs that say the target of another row in the first four rows, with noise on all of them."""
    perfect = sample.perfect(targets)[[1, 0, 3, 2, 4, 5]]
    return perfect + np.random.default_rng(seed).normal(scale=5, size=perfect.shape)


def test_cells_become_labels_then_targets_and_come_back(task, sample):
    labels = task.read_labels(sample.cells, separator=None, where="column 'label'")
    targets = task.targets(labels, task.label_names(labels))
    assert labels == sample.labels
    assert task.label_names(labels) == sample.names
    assert targets.tolist() == sample.targets
    assert task.labels_of(targets, sample.names) == sample.labels


def test_labels_read_twice_are_the_same_labels(task, sample):
    once = task.read_labels(sample.cells, separator=None, where="column 'label'")
    assert task.read_labels(once, separator=None, where="column 'label'") == once


def test_row_without_a_label_has_a_target_that_tells_so(task, sample, targets):
    labels = [None, *sample.labels, None]
    with_gaps = task.targets(labels, sample.names)
    assert (with_gaps.dtype, with_gaps.shape[1:]) == (targets.dtype, targets.shape[1:])
    assert task.has_target(with_gaps).tolist() == [False, *[True] * len(targets), False]
    assert np.array_equal(with_gaps[1:-1], targets)
    assert task.labels_of(with_gaps, sample.names) == labels


def test_unlabelled_rows_have_the_form_of_targets_and_no_target(task, sample, targets):
    unlabelled = task.unlabelled(4, len(sample.names))
    assert (unlabelled.dtype, unlabelled.shape) == (targets.dtype, (4, *targets.shape[1:]))
    assert task.has_target(unlabelled).tolist() == [False] * 4


def test_no_rows_are_no_targets_and_no_labels(task, sample, targets):
    none = task.targets([], sample.names)
    assert (none.dtype, none.shape) == (targets.dtype, (0, *targets.shape[1:]))
    assert task.has_target(none).shape == task.strata(none).shape == (0,)
    assert task.labels_of(none, sample.names) == []


def test_name_that_is_not_known_is_a_key_error_where_outputs_have_names(task, sample):
    if task.has_names:
        with pytest.raises(KeyError):
            task.targets(sample.labels, sample.names[:-1])
    else:
        assert len(sample.names) == 1


def test_cell_that_is_no_label_is_refused_with_its_row(task, sample):
    with pytest.raises(RequestError) as refusal:
        task.read_labels([*sample.cells, sample.no_label], separator=None, where="column 'stars' of a.csv")
    message = str(refusal.value)
    assert message.startswith("column 'stars' of a.csv holds ")
    assert f" in row {len(sample.cells) + 1}" in message
    assert "\n" not in message


def test_labels_that_teach_nothing_are_refused(task, sample):
    with pytest.raises(RequestError, match=r"^(the data has one|no row of the data has a|all numbers of the data are)"):
        task.label_names(sample.nothing_to_learn)


def test_decision_has_the_form_of_targets_and_probabilities_that_of_outputs(task, sample, targets):
    outputs = noisy(sample, targets).astype(np.float32)
    decision, probabilities = task.decide(outputs), task.probabilities(outputs)
    assert (decision.shape, decision.dtype.kind) == (targets.shape, targets.dtype.kind)
    assert (probabilities.shape, probabilities.dtype) == (outputs.shape, np.float64)


def test_model_that_says_the_targets_decides_for_them(task, sample, targets):
    assert np.array_equal(task.decide(sample.perfect(targets)), targets)
    right = task.right(targets, sample.perfect(targets))
    assert right is None or right.tolist() == [True] * len(targets)


def test_rows_are_right_where_the_decision_is_the_target(task, sample, targets):
    outputs = noisy(sample, targets)
    right = task.right(targets, outputs)
    if right is None:
        assert not task.has_names
    else:
        equal = [np.array_equal(*row) for row in zip(task.decide(outputs), targets, strict=True)]
        assert right.tolist() == equal
        assert 0 < sum(equal) < len(equal)  # else the line above says little


@pytest.mark.parametrize("name", TASKS)
@hypothesis_settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_probabilities_of_wild_outputs_are_finite_and_in_their_order(name, data):
    task, width = task_of(name, SAMPLES[name].settings), len(SAMPLES[name].names)
    wild = st.floats(-(2.0**100), 2.0**100, width=32)
    outputs = data.draw(arrays(np.float32, (3, width), elements=wild))
    probabilities = task.probabilities(outputs)
    assert np.isfinite(probabilities).all()
    for row, chances in zip(outputs, probabilities, strict=True):
        assert np.all(np.diff(chances[np.argsort(row, kind="stable")]) >= 0)
    if task.has_names:
        assert ((probabilities >= 0) & (probabilities <= 1)).all()
    assert task.kept(outputs, outputs, margin=0.1) == 1


def test_headline_is_the_first_metric_with_an_interval_and_is_computed_each_epoch(task):
    names = [metric.name for metric in task.metrics]
    epoch_names = [metric.name for metric in task.epoch_metrics]
    assert task.headline.name == names[0]
    assert task.headline.interval
    assert task.headline.name in epoch_names
    assert len(set(names)) == len(names)
    assert set(epoch_names) <= set(names)


def test_every_metric_is_either_sums_or_weighted(task):
    assert all((metric.sums is None) != (metric.weighted is None) for metric in task.metrics)


def test_no_metric_finds_a_model_better_than_the_one_that_says_the_targets(task, sample, targets):
    for metric in task.metrics:
        best = metric(targets, sample.perfect(targets))
        assert best == pytest.approx(1 if metric.higher_is_better else 0)
        others = [metric(targets, noisy(sample, targets, seed)) for seed in range(5)]
        assert all(value < best if metric.higher_is_better else value > best for value in others)


def test_metrics_do_not_depend_on_the_order_of_rows(task, sample, targets):
    outputs, order = noisy(sample, targets), np.array([3, 1, 5, 0, 4, 2])
    for metric in task.metrics:
        assert metric(targets[order], outputs[order]) == pytest.approx(metric(targets, outputs), abs=1e-12)


@pytest.mark.parametrize("name", TASKS)
@hypothesis_settings(max_examples=40, deadline=None)
@given(st.permutations([0, 0, 1, 1, 2, 3]), st.integers(0, 99))
def test_row_that_counts_several_times_is_as_many_rows(name, weights, seed):
    task, sample = task_of(name, SAMPLES[name].settings), SAMPLES[name]
    targets = task.targets(sample.labels, sample.names)
    outputs = noisy(sample, targets, seed).round()
    for metric in task.metrics:
        drawn = metric.resampled(targets, outputs, np.array([[1] * 6, weights]))
        repeated = metric(np.repeat(targets, weights, axis=0), np.repeat(outputs, weights, axis=0))
        assert drawn == pytest.approx([metric(targets, outputs), repeated], abs=1e-9)


def test_value_of_the_sums_of_all_rows_is_the_metric(task, sample, targets):
    outputs = noisy(sample, targets)
    for metric in task.metrics:
        if metric.sums is not None:
            statistics = metric.sums.statistics(metric.sums.states(targets, outputs), outputs.shape[1])
            assert len(statistics) == len(targets)
            assert metric.sums.value(statistics.sum(axis=0)) == pytest.approx(metric(targets, outputs))


def test_agreement_is_one_with_itself_less_with_another_and_the_same_both_ways(task, sample, targets):
    outputs, others = noisy(sample, targets), sample.perfect(targets)
    assert task.agreement(outputs, outputs.copy()) == pytest.approx(1)
    assert task.agreement(outputs, others) == pytest.approx(task.agreement(others, outputs))
    assert task.agreement(outputs, others) < 1


def test_file_keeps_all_of_itself_and_less_of_another(task, sample, targets):
    outputs = sample.perfect(targets)
    assert task.kept(outputs, outputs.copy(), margin=0.1) == pytest.approx(1)
    assert task.kept(outputs, outputs[::-1], margin=0.1) < getattr(ParityBounds(), task.kept_bound) <= 1


def test_stratum_is_a_whole_number_for_each_row(task, targets):
    strata = task.strata(targets)
    assert (strata.shape, strata.dtype) == ((len(targets),), np.int64)
    assert len(np.unique(strata)) > 1
    assert strata.min() >= 0


def test_rows_of_each_name_are_those_whose_label_holds_it(task, sample, targets):
    counts = task.rows_per_name(task.targets([*sample.labels, None], sample.names), len(sample.names))
    if task.has_names:
        held = [{label} if isinstance(label, str) else set(label) for label in sample.labels]
        assert counts.tolist() == [sum(name in names for names in held) for name in sample.names]
    else:
        assert counts is None


def test_units_are_positive_and_those_of_logits_are_one(task, sample, targets):
    outputs = noisy(sample, targets)
    units = (task.unit_of_outputs(outputs), task.scale(targets))
    assert units == (1, 1) if task.has_names else min(units) > 1


def test_name_and_settings_make_the_task_again(task, sample):
    stored = json.loads(json.dumps({"name": task.name, "settings": task.settings}))
    assert task_of(stored["name"], stored["settings"]) == task
    assert stored["settings"] == sample.settings
    assert task_of(task.name) == TASKS[task.name]()


def test_task_is_in_the_table_under_its_own_name_and_cannot_be_changed(request, task):
    assert request.node.callspec.params["sample"] == task.name
    assert task.noun
    assert task.kept_words
    with pytest.raises(FrozenInstanceError):
        task.name = "other"


def test_setting_that_a_task_does_not_have_is_refused(task):
    with pytest.raises(RequestError, match=f"^task {task.name} has no setting colour$"):
        task_of(task.name, {"colour": "red"})


@pytest.mark.parametrize(("name", "nearest"), [("single_label", "single-label"), ("regresion", "regression")])
def test_unknown_task_names_the_nearest_one_and_all(name, nearest):
    known = "multi-label, regression, single-label"
    with pytest.raises(RequestError, match=f"^unknown task '{name}'; did you mean '{nearest}'.* known: {known}$"):
        task_of(name)


def test_records_of_before_there_were_tasks_are_read_as_single_label():
    assert task_of("classification") == task_of("single-label")
