"""A transformer of which the lowest layers stay as they are while the others are trained."""

import pytest
import torch
from sample_models import save_tiny_bert
from sample_texts import labelled

from materials.errors import RequestError
from teachers.features import blocks_of
from teachers.frozen_layers import LowestFrozen
from teachers.transformer import start_transformer
from training.examples import Examples
from training.loop import train
from training.objectives import Term
from training.settings import TrainingSettings


@pytest.fixture
def classifier(tmp_path):
    folder = save_tiny_bert(tmp_path / "tiny", label_names=None)
    return start_transformer(folder, ("a", "b"), seed=0, max_length_tokens=32)


def arrays_of(classifier):
    arrays = classifier.encoder.pad(classifier.encoder.encode(labelled(8).items))
    return [torch.from_numpy(array) for array in arrays.values()]


def test_training_moves_the_upper_layers_and_the_head_alone(classifier):
    before = {name: weight.clone() for name, weight in classifier.module.model.named_parameters()}
    rows = labelled(16)
    examples = Examples(encoded=classifier.encoder.encode(rows.items), targets=rows.targets)
    train(
        LowestFrozen(classifier.module, layers=1),
        examples,
        examples,
        encoder=classifier.encoder,
        task=classifier.task,
        terms=(Term(kind="hard"),),
        settings=TrainingSettings(epochs=1, batch_size=8, learning_rate=1e-2, seed=0),
        report=lambda done, total: None,
    )
    after = dict(classifier.module.model.named_parameters())
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved == {name for name in before if "embeddings" not in name and "layer.0." not in name}


def test_no_layer_need_be_frozen_for_the_embeddings_to_be(classifier):
    module = LowestFrozen(classifier.module, layers=0)
    trained = {name for name, weight in module.named_parameters() if weight.requires_grad}
    assert not any("embeddings" in name for name in trained)
    assert any("layer.0." in name for name in trained)


def test_what_is_frozen_has_no_dropout_in_training_and_the_rest_has(classifier):
    module = LowestFrozen(classifier.module, layers=1).train()
    states = []
    blocks_of(classifier.module.model)[0].register_forward_hook(lambda block, inputs, output: states.append(output))
    logits = [module(*arrays_of(classifier)) for _ in range(2)]
    first, second = (state[0] if isinstance(state, tuple) else state for state in states)
    assert torch.equal(first, second)
    assert not first.requires_grad
    assert not torch.equal(*logits)


def test_at_least_one_layer_is_trained(classifier):
    with pytest.raises(RequestError, match="frozen_layers is 2, but the teacher has 2 layers.*at most 1"):
        LowestFrozen(classifier.module, layers=2)
