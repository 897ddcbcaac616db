"""The trained model in memory is asked once for each input, and a sentence tells of one that it cannot compute."""

from dataclasses import replace

import numpy as np
import pytest

from export.checkpoint import load_checkpoint
from export.origin import remembered
from materials.errors import RequestError

INPUTS = {"input_ids": np.ones((2, 3), dtype=np.int64)}


def test_the_model_is_asked_once_for_each_input(tiny_student):
    import torch

    asked = []

    class Counted(torch.nn.Module):
        def forward(self, input_ids):
            asked.append(input_ids)
            return torch.zeros(2, 2)

    forward = remembered(replace(load_checkpoint(tiny_student), module=Counted()))
    assert (forward(INPUTS) == forward(INPUTS)).all()
    assert len(asked) == 1


@pytest.mark.parametrize(("message", "kind"), [("sizes differ", RequestError), ("out of memory", RuntimeError)])
def test_a_model_that_cannot_be_run_is_a_sentence_unless_memory_is_short(tiny_student, message, kind):
    import torch

    class Broken(torch.nn.Module):
        def forward(self, input_ids):
            raise RuntimeError(message)

    forward = remembered(replace(load_checkpoint(tiny_student), module=Broken()))
    with pytest.raises(kind) as error:
        forward(INPUTS)
    if kind is RequestError:
        assert str(error.value) == "the model (cnn) cannot be run on inputs of shape (2, 3): sizes differ"
