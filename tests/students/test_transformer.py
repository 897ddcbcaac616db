"""Students of pretrained layers."""

import pytest
import torch
from transformers import AutoModel

from materials.errors import RequestError
from materials.tasks import task_of
from students.transformer import TransformerStudent, spread, start_from


def started(weights, layers=None, seed=0):
    return start_from(weights, label_names=("a", "b", "c"), task=task_of("single-label"), layers=layers, seed=seed)


@pytest.mark.parametrize(("layers", "kept"), [(None, [0, 1]), ([1], [1]), ([1, 0], [1, 0]), (1, [0]), (2, [0, 1])])
def test_student_has_the_layers_of_the_body_that_are_kept_and_their_width(layers, kept, tiny_bert):
    model, body = started(tiny_bert, layers), AutoModel.from_pretrained(tiny_bert)
    assert model.config.num_hidden_layers == len(kept)
    assert model.config.hidden_size == body.config.hidden_size
    for layer, number in zip(model.base_model.encoder.layer, kept, strict=True):
        of_body = body.encoder.layer[number].state_dict()
        assert all(torch.equal(value, of_body[name]) for name, value in layer.state_dict().items())
    assert torch.equal(model.base_model.embeddings.word_embeddings.weight, body.embeddings.word_embeddings.weight)


def test_head_is_new_even_where_the_body_has_one_of_its_size(tiny_classifier):
    head = started(tiny_classifier).classifier.weight
    assert head.shape == (3, 32)
    assert not torch.equal(head, started(tiny_classifier, seed=1).classifier.weight)
    assert torch.equal(head, started(tiny_classifier).classifier.weight)


def test_layers_spread_over_all():
    assert spread(6, 12) == [0, 2, 4, 7, 9, 11]
    assert spread(1, 6) == [0]
    assert spread(2, 6) == [0, 5]


def test_layer_that_is_not_there_is_refused(tiny_bert):
    for layers in ([2], 3):
        with pytest.raises(RequestError, match="has 2 layers, numbered from 0"):
            started(tiny_bert, layers)


@pytest.mark.parametrize("layers", [[], [-1], [0, 0], 0])
def test_settings_that_are_no_layers_are_refused(layers):
    with pytest.raises(ValueError, match="layers are different numbers from 0, or how many"):
        TransformerStudent.check({}, {"layers": layers})
