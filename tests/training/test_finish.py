"""A training with patience: constant, then down to 0, and no longer than its most epochs."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from training.finish import Finish, decay_epochs, finish_of
from training.optimiser import Mover
from training.settings import TrainingSettings


@pytest.mark.parametrize(
    ("scores", "finish"),
    [
        ([], Finish(decay_after=None, last_epoch=40)),
        ([0.1, 0.2, 0.3], Finish(decay_after=None, last_epoch=40)),
        # the best was epoch 2; two epochs later patience is out, and a quarter of 4 epochs is 1
        ([0.1, 0.4, 0.3, 0.4], Finish(decay_after=4, last_epoch=5)),
        ([0.1, 0.4, 0.3, 0.4, 0.9], Finish(decay_after=4, last_epoch=5)),  # what comes after changes nothing
        # 32 + 8 epochs fill the 40; after 33 there would be no room for 9
        (list(range(32)), Finish(decay_after=32, last_epoch=40)),
    ],
)
def test_finish_by_hand(scores, finish):
    assert finish_of(scores, patience=2, most_epochs=40) == finish


@given(st.lists(st.floats(0, 1), max_size=60), st.integers(1, 10), st.integers(1, 50))
def test_any_training_ends_in_time_and_once_it_falls_it_goes_on_falling(scores, patience, most_epochs):
    finish = finish_of(scores, patience=patience, most_epochs=most_epochs)
    assert finish.last_epoch <= most_epochs
    if finish.decay_after is None:
        assert len(scores) < most_epochs
        assert finish.last_epoch == most_epochs
    else:
        assert finish_of([*scores, 2.0], patience=patience, most_epochs=most_epochs) == finish
        assert finish.last_epoch - finish.decay_after <= decay_epochs(finish.decay_after)


def test_rate_warms_up_stays_and_falls_to_nothing():
    settings = TrainingSettings(
        epochs=10, batch_size=1, learning_rate=1.0, seed=0, schedule="plateau", patience=2, optimiser="sgd"
    )
    model = torch.nn.Linear(1, 1)
    mover, rates = Mover(model, settings, steps_per_epoch=4), []
    for step in range(16):
        if step == 8:
            mover.decay(8, 8)
        rates.append(mover._optimisers[0].param_groups[0]["lr"])
        model(torch.ones(1, 1)).sum().backward()
        mover.move()
    assert rates[:8] == [0.25, 0.5, 0.75, 1, 1, 1, 1, 1]
    assert rates[8:] == pytest.approx([1 - number / 8 for number in range(8)])
