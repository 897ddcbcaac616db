"""The gate judges each task by its own decisions and headline."""

import numpy as np

from export.gate.parity import ParityBounds, compare
from materials.tasks import task_of
from materials.tasks.regression import Regression

BOUNDS = ParityBounds()
NUMBERS = np.linspace(0, 5000, 200, dtype=np.float32)[:, None]


def judge(task, expected, outputs, targets, *, lossy):
    return compare(expected, outputs, targets, task=task, lossy=lossy, bounds=BOUNDS)


def test_bound_of_a_lossless_regression_grows_with_the_spread_of_its_numbers():
    targets = NUMBERS[:, 0].astype(np.float64)
    assert judge(Regression(), NUMBERS, NUMBERS + 0.1, targets, lossy=False).status == "passed"
    assert judge(Regression(), NUMBERS, NUMBERS + 0.2, targets, lossy=False).status == "failed"
    small = NUMBERS / 5000
    assert judge(Regression(), small, small + 2e-4, targets, lossy=False).status == "failed"


def test_lossy_regression_must_keep_the_order_of_its_numbers():
    targets = NUMBERS[:, 0].astype(np.float64)
    assert judge(Regression(), NUMBERS, NUMBERS * 1.1, targets, lossy=True).status == "passed"
    parity = judge(Regression(), NUMBERS, NUMBERS[::-1], targets, lossy=True)
    assert parity.reason == "-100.00% is its rank correlation with the original; the bound is 99.5%"


def test_lossy_file_of_several_labels_must_keep_each_decision():
    generator = np.random.default_rng(0)
    expected = generator.normal(scale=3, size=(200, 3)).astype(np.float32)
    task = task_of("multi-label", {"thresholds": [0.5, 0.5, 0.5]})
    targets = task.decide(expected)
    assert judge(task, expected, expected * 1.05, targets, lossy=True).status == "passed"
    swapped = judge(task, expected, expected[:, ::-1], targets, lossy=True)
    assert "of the sure decisions are kept; the bound is 99%" in swapped.reason


def test_rows_without_a_target_say_nothing_of_the_headline():
    parity = judge(Regression(), NUMBERS, NUMBERS, np.full(200, np.nan), lossy=True)
    assert (parity.status, parity.f1_drop) == ("passed", 0.0)
