"""Probabilities of somebody else's file are taken as such; logits and bundles of our own are left as they are."""

from dataclasses import replace

import numpy as np
import pytest

from bench.outside.probabilities import are_probabilities, as_logits
from export.foreign import open_model
from materials.tasks import task_of

LABELS = ("bad", "good")
LOGITS = np.random.default_rng(0).normal(scale=3, size=(50, 2)).astype(np.float32)


@pytest.fixture
def file_of_others(tmp_path, tiny_classifier):
    """The description of an ONNX file; what is in it is not run here."""
    bundle = open_model(tiny_classifier)
    return replace(bundle, runtime="onnxruntime", format="onnx")


@pytest.mark.parametrize(("task", "precision"), [("single-label", np.float32), ("single-label", np.float16)])
def test_probabilities_come_back_as_the_logits_that_they_are_of(file_of_others, task, precision):
    bundle = replace(file_of_others, task=task_of(task))
    given = bundle.task.probabilities(LOGITS).astype(precision).astype(np.float32)
    assert are_probabilities(bundle, given)
    assert np.allclose(bundle.task.probabilities(as_logits(bundle, given)), given, atol=2e-3)


def test_several_labels_come_back_through_the_sigmoid(file_of_others):
    bundle = replace(file_of_others, task=task_of("multi-label"))
    given = (1 / (1 + np.exp(-LOGITS))).astype(np.float32)
    assert are_probabilities(bundle, given)
    assert np.allclose(as_logits(bundle, given), LOGITS, atol=1e-2)
    assert np.array_equal(bundle.task.decide(as_logits(bundle, given)), bundle.task.decide(LOGITS))


def test_certain_answers_stay_finite(file_of_others):
    certain = np.array([[0, 1], [1, 0]], dtype=np.float32)
    assert np.isfinite(as_logits(file_of_others, certain)).all()


@pytest.mark.parametrize("outputs", [LOGITS, np.abs(LOGITS), np.full((3, 2), np.nan, dtype=np.float32)])
def test_what_is_negative_or_does_not_sum_to_one_is_left_alone(file_of_others, outputs):
    assert not are_probabilities(file_of_others, outputs)
    assert as_logits(file_of_others, outputs) is outputs


def test_numbers_and_outputs_of_a_judged_bundle_are_left_alone(file_of_others):
    ones = np.ones((4, 1), dtype=np.float32)
    assert not are_probabilities(replace(file_of_others, task=task_of("regression"), label_names=("score",)), ones)
    halves = np.full((4, 2), 0.5, dtype=np.float32)
    assert are_probabilities(file_of_others, halves)
    assert not are_probabilities(replace(file_of_others, exported={"seconds": 1.0}), halves)
    assert not are_probabilities(replace(file_of_others, runtime="torch"), halves)
