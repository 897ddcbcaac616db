"""A row's quality, and rows that have none."""

import numpy as np
import pytest

from bench.record.quality import with_quality
from bench.record.row import Row
from materials.tasks import task_of

ROW = Row(
    **{"model": "linear hard", "role": "student", "task": "single-label", "device": "cpu", "threads": 1},
    **{"status": "ok", "error": None, "architecture": "linear", "objective": "hard", "objective_title": "hard"},
    **{"transfer_rows": 0, "seed": 0, "format": "onnx", "parity": "passed", "parameters": 1, "size_bytes": 1},
)


def test_single_label_fills_the_fields_that_rows_have_always_had():
    outputs = np.array([[2.0, 0], [0, 2], [2, 0], [0, 2]])
    row = with_quality(ROW, task_of("single-label"), np.array([0, 1, 1, 1]), outputs, ["a", "b"])
    assert (row.status, row.accuracy, row.label_names) == ("ok", 0.75, ("a", "b"))
    assert row.confusion_matrix == ((1, 0), (1, 2))
    assert row.macro_f1 == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert row.headline.value == row.macro_f1


def test_other_tasks_fill_their_metrics_by_name():
    row = with_quality(
        ROW, task_of("regression"), np.array([1.0, 2, 3, 4]), np.array([[1.0], [2], [3], [5]]), ["score"]
    )
    assert row.macro_f1 is None
    assert set(row.scores) == {metric.name for metric in task_of("regression").metrics}
    assert row.scores["spearman"].value == 1


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_one_output_that_is_no_number_makes_a_failed_row_and_not_a_failed_run(wrong):
    row = with_quality(ROW, task_of("single-label"), np.array([0, 1]), np.array([[2.0, 0], [0, wrong]]), ["a", "b"])
    assert (row.status, row.error) == ("failed", "some of its outputs are no numbers")
    assert row.headline is None
