"""The temperature of a zero-shot teacher, found without a label."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from materials.tasks.single_label import softmax
from teachers.calibration import agreement_of, temperature_for


def sureness(logits):
    return float(softmax(logits).max(axis=1).mean())


@given(seed=st.integers(0, 1_000), scale=st.floats(0.01, 200), agreement=st.floats(0.4, 0.95))
def test_answers_are_as_sure_as_views_agree(seed, scale, agreement):
    logits = scale * np.random.default_rng(seed).normal(size=(200, 4))
    assert sureness(logits / temperature_for(logits, agreement)) == pytest.approx(agreement, abs=1e-3)


@given(agreement=st.sampled_from([0.0, 0.25, 1.0]), value=st.sampled_from([0.0, 1e-30, 1e30]))
def test_temperature_is_a_number_whatever_comes(agreement, value):
    logits = value * np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    temperature = temperature_for(logits, agreement)
    assert np.isfinite(temperature)
    assert temperature > 0


def test_logits_that_are_too_sure_become_as_sure_as_they_are_right():
    # What a mixture in many dimensions says: right in four of five rows, and sure of all.
    draw = np.random.default_rng(0)
    classes = draw.integers(0, 3, size=2_000)
    seen = np.where(draw.random(2_000) < 0.8, classes, (classes + 1) % 3)
    other = np.where(draw.random(2_000) < 0.8, classes, (classes + 2) % 3)
    logits, view = 40 * np.eye(3)[seen], np.eye(3)[other]
    assert sureness(logits) > 0.99
    softened = logits / temperature_for(logits, agreement_of(logits, view))
    assert abs(sureness(softened) - 0.8) < 0.2
    assert (softened.argmax(axis=1) == logits.argmax(axis=1)).all()
