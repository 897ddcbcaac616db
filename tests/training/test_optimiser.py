import pytest
import torch
from torch import nn

from training.optimiser import OPTIMISERS, SCHEDULES, clip_gradients


def rates(name, steps=8, steps_per_epoch=2):
    return [SCHEDULES[name](step, steps, steps_per_epoch, 0.25) for step in range(steps)]


def test_linear_schedule_rises_for_a_quarter_and_falls_to_nearly_nothing():
    assert rates("linear") == pytest.approx([1 / 2, 1, 1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6])


def test_halved_schedule_halves_the_rate_with_each_epoch():
    assert rates("halved") == [1, 1, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125]


def test_constant_schedule_stays():
    assert set(rates("constant")) == {1}


@pytest.mark.parametrize("name", OPTIMISERS)
def test_every_optimiser_lowers_a_loss(name):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Embedding(9, 4), nn.Flatten(), nn.Linear(12, 2))
    optimisers = OPTIMISERS[name](model, 0.1, 0.0)
    words, labels = torch.randint(9, (20, 3)), torch.arange(20) % 2
    losses = []
    for _ in range(20):
        loss = nn.functional.cross_entropy(model(words), labels)
        loss.backward()
        for optimiser in optimisers:
            optimiser.step()
            optimiser.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]


def test_one_step_of_sgd_is_the_gradient_times_the_rate():
    model = nn.Embedding(5, 2)
    before = model.weight.detach().clone()
    (optimiser,) = OPTIMISERS["sgd"](model, 0.5, 0.01)
    model(torch.tensor([1, 1, 3])).sum().backward()
    optimiser.step()
    moved = before - model.weight.detach()
    assert torch.equal(moved.sum(dim=1).round(decimals=4), torch.tensor([0, 2.0, 0, 1.0, 0]))


def test_lazy_adam_moves_the_embeddings_of_a_batch_alone_and_all_other_weights():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Embedding(5, 2), nn.Linear(2, 2))
    words, layer = (parameter.detach().clone() for parameter in (model[0].weight, model[1].weight))
    optimisers = OPTIMISERS["lazy-adam"](model, 0.1, 0.0)
    for _ in range(2):
        model(torch.tensor([1, 3])).square().sum().backward()
        for optimiser in optimisers:
            optimiser.step()
            optimiser.zero_grad()
    assert (model[0].weight != words).any(dim=1).tolist() == [False, True, False, True, False]
    assert (model[1].weight != layer).all()


@pytest.mark.parametrize("largest", [0.5, 100.0])
def test_sparse_gradients_are_clipped_as_dense_ones(largest):
    clipped = []
    for sparse in (False, True):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Embedding(7, 3, sparse=sparse), nn.Linear(3, 2))
        model(torch.tensor([1, 1, 4])).square().sum().backward()
        if sparse:
            clip_gradients(model.parameters(), largest)
        else:
            nn.utils.clip_grad_norm_(model.parameters(), largest)
        clipped.append([parameter.grad.to_dense() for parameter in model.parameters()])
    assert all(torch.allclose(*pair) for pair in zip(*clipped, strict=True))
