import math

import numpy as np
import pytest

from materials.tasks import task_of
from training.history import Epoch, as_records, scores_of, unfinished, untrained_fault
from training.settings import TrainingSettings

LABELS = np.arange(500) % 5
LN_5 = math.log(5)
TASK = task_of("single-label")


def untrained(cross_entropy=LN_5, accuracy=0.2):
    return {"cross_entropy": cross_entropy, "accuracy": accuracy, "macro_f1": 0.1}


def test_scores_by_hand():
    logits = np.log(np.array([[0.8, 0.2], [0.4, 0.6], [0.7, 0.3], [0.5, 0.5]], dtype=np.float32))
    scores = scores_of(TASK, logits, np.array([0, 1, 1, -1]))
    assert scores["cross_entropy"] == pytest.approx(-(math.log(0.8) + math.log(0.6) + math.log(0.3)) / 3)
    assert scores["accuracy"] == pytest.approx(2 / 3)
    assert scores["macro_f1"] == pytest.approx(2 / 3)


def test_rows_without_a_label_have_no_scores():
    assert scores_of(TASK, np.zeros((3, 2)), np.full(3, -1)) is None


def test_records_are_flat_and_hold_what_there_is():
    epoch = Epoch(epoch=1, steps=9, seconds=2.0, loss=0.5, train=None, validation=untrained(), test=untrained())
    (record,) = as_records([epoch])
    assert set(record) == {
        *("epoch", "steps", "seconds", "loss", "validation_cross_entropy", "validation_accuracy"),
        *("validation_macro_f1", "test_cross_entropy", "test_accuracy", "test_macro_f1"),
    }


def test_model_that_knows_nothing_has_no_fault():
    assert untrained_fault(untrained(), LABELS, 5) is None
    assert untrained_fault(untrained(1.7, 0.23), LABELS, 5) is None


def test_cross_entropy_away_from_ln_k_is_a_fault():
    fault = "its cross entropy before training is 2.31; expected about ln 5 = 1.61"
    assert untrained_fault(untrained(cross_entropy=2.31), LABELS, 5) == fault


def test_accuracy_away_from_one_in_k_is_a_fault():
    fault = "its accuracy before training is 41.0%; expected about 1/5"
    assert untrained_fault(untrained(accuracy=0.41), LABELS, 5) == fault


def test_accuracy_on_uneven_rows_may_be_that_of_one_answer():
    uneven = np.array([0] * 900 + [1] * 100)
    same = untrained(math.log(2))
    assert untrained_fault({**same, "accuracy": 0.9}, uneven, 2) is None
    assert untrained_fault({**same, "accuracy": 0.1}, uneven, 2) is None


def history_of(scores):
    return [
        Epoch(epoch=number, steps=0, seconds=0, loss=0, train=None, validation={"macro_f1": score}, test=None)
        for number, score in enumerate([0.99, *scores])  # epoch 0 is before training and does not count
    ]


@pytest.mark.parametrize(
    ("scores", "rises"),
    [([0.5, 0.6, 0.7], True), ([0.5, 0.7, 0.7], False), ([0.9, 0.6, 0.7], False), ([0.5], False)],
)
def test_training_that_ends_at_its_best_is_told_from_one_that_does_not(scores, rises):
    settings = TrainingSettings(epochs=len(scores), batch_size=1, learning_rate=1, seed=0)
    expected = f"the last of {len(scores)} epochs was the best, so more may be better" if rises else None
    assert unfinished(task_of("single-label"), history_of(scores), settings) == expected


@pytest.mark.parametrize(("most", "sentence"), [(3, "ended at its cap of 3 epochs, so more may be better"), (9, None)])
def test_training_by_patience_says_when_its_cap_ended_it(most, sentence):
    settings = TrainingSettings(epochs=most, batch_size=1, learning_rate=1, seed=0, schedule="plateau", patience=2)
    assert unfinished(task_of("single-label"), history_of([0.5, 0.6, 0.7]), settings) == sentence
