"""What a teacher says of rare classes is shrunk towards the labels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from materials.tasks.single_label import softmax
from training.outputs import ROWS_TO_TRUST, Outputs, shrunk_to_labels

LOGITS = np.array([[2.0, 0.0, -1.0], [0.0, 1.0, 0.5], [3.0, 1.0, 1.0]], dtype=np.float32)


def probabilities(targets, counts):
    return softmax(shrunk_to_labels(Outputs(logits=LOGITS), np.array(targets), np.array(counts)).logits)


def test_a_class_of_as_many_rows_as_it_takes_to_trust_counts_half():
    mixed = probabilities([1, 1, -1], [500, ROWS_TO_TRUST, 500])
    assert mixed[:2] == pytest.approx(0.5 * softmax(LOGITS)[:2] + 0.5 * np.eye(3)[[1, 1]], abs=1e-6)


def test_rows_without_a_label_stay_as_they_are():
    outputs = shrunk_to_labels(Outputs(logits=LOGITS), np.array([0, -1, -1]), np.array([9, 9, 9]))
    assert (outputs.logits[1:] == LOGITS[1:]).all()
    assert outputs.logits.dtype == np.float32
    assert LOGITS[0, 0] == 2.0


@given(st.lists(st.integers(1, 10_000), min_size=3, max_size=3), st.lists(st.integers(0, 2), min_size=3, max_size=3))
def test_the_label_never_loses_and_the_less_the_teacher_saw_the_more_it_gains(counts, targets):
    mixed, plain = probabilities(targets, counts), softmax(LOGITS)
    rows = np.arange(3)
    assert mixed.sum(axis=1) == pytest.approx(1, abs=1e-4)
    assert (mixed[rows, targets] >= plain[rows, targets] - 1e-5).all()
    fewer = probabilities(targets, [max(1, count // 2) for count in counts])
    assert (fewer[rows, targets] >= mixed[rows, targets] - 1e-5).all()
