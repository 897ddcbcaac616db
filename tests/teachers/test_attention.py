"""Maps of where a network looks are those of the paper, and of one size for all networks."""

import pytest
import torch

from materials.errors import RequestError
from students import STUDENTS
from teachers.attention import NAMES, WithAttention, attention_map
from teachers.efficientnet_lite import WIDTH, EfficientNetLite0
from teachers.image_body import Head, ImageBody
from training.outputs import Outputs


def networks():
    from networks.resnet import ResNetBody

    body = ResNetBody(channels=(4, 4, 8))
    yield ImageBody(body, body.features, 3, Head())
    yield ImageBody(EfficientNetLite0(image_size=32), WIDTH, 3, Head())
    yield STUDENTS["resnet"].student_class(classes=3, image_size=32)
    yield STUDENTS["mobilenet"].student_class(classes=3, image_size=32)


def test_map_is_the_mean_of_squares_at_length_one():
    activations = torch.zeros(1, 2, 8, 8)
    activations[0, 0, 0, 0], activations[0, 1, 0, 0], activations[0, 0, 7, 7] = 3.0, 4.0, 5.0
    seen = attention_map(activations)[0]
    # (9 + 16) / 2 and 25 / 2, which are equal: a length of 1 makes each the root of a half.
    assert seen[0] == pytest.approx(0.5**0.5)
    assert seen[-1] == pytest.approx(0.5**0.5)
    assert seen.count_nonzero() == 2


@pytest.mark.parametrize("network", [*networks()], ids=lambda network: type(network).__name__)
def test_every_network_gives_maps_of_one_size_that_can_be_learned_from(network):
    outputs = WithAttention(network)(torch.randn(2, 3, 32, 32))
    assert isinstance(outputs, Outputs)
    assert outputs.logits.shape == (2, 3)
    assert {name: tuple(values.shape) for name, values in outputs.features.items()} == dict.fromkeys(NAMES, (2, 64))
    outputs.features["attention-2"][:, 3].sum().backward()
    assert any(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in network.parameters())


def test_network_of_too_few_stages_is_refused():
    student = STUDENTS["resnet"].student_class(classes=2, image_size=32, channels=(4, 8))
    with pytest.raises(RequestError, match="ResNet has 2 stages; attention compares the last 3 of a network"):
        WithAttention(student)


def test_network_of_unknown_stages_is_refused():
    with pytest.raises(RequestError, match="the stages of Linear are not known"):
        WithAttention(torch.nn.Linear(2, 2))
