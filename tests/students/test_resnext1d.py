import pytest
import torch
from torch import nn

from students.resnext1d import Block, Downsampling, NormedConvolution1d, ResNeXt1D


def network(dropout=0.0, **settings):
    """A student of the usual widths whose normalisations are not those of a new one."""
    torch.manual_seed(0)
    module = ResNeXt1D(words=40, classes=3, dimensions=50, dropout=dropout, **settings).double()
    for part in module.modules():
        if isinstance(part, nn.BatchNorm1d):
            for values in (part.weight.data, part.bias.data, part.running_mean, part.running_var):
                values.uniform_(0.3, 1.2)
    return module


def texts(batch, length):
    return torch.randint(1, 40, (batch, length), generator=torch.Generator().manual_seed(0))


def test_there_are_about_600_000_parameters_without_the_embedding():
    module = ResNeXt1D(words=40, classes=3, dimensions=50)
    count = sum(weight.numel() for weight in module.parameters()) - module.embedding.weight.numel()
    assert 500_000 < count < 700_000


def test_grouped_convolutions_have_16_32_64_and_128_channels():
    blocks = [part for part in ResNeXt1D(words=40, classes=3, dimensions=50).modules() if isinstance(part, Block)]
    grouped = [block.grouped.convolution for block in blocks]
    assert [convolution.out_channels for convolution in grouped] == [16, 16, 32, 32, 64, 64, 128, 128]
    assert {convolution.groups for convolution in grouped} == {8}


@pytest.mark.parametrize(
    ("length", "lengths"),
    [
        (1, [1, 1, 1, 1]),
        (2, [2, 1, 1, 1]),
        (5, [5, 3, 3, 2]),
        (8, [8, 4, 4, 2]),
        (23, [23, 12, 12, 6]),
        (64, [64, 32, 32, 16]),
    ],
)
def test_length_after_each_stage_is_never_less_than_a_quarter(length, lengths):
    module, shapes = network().eval(), []
    for stage in module.stages:
        stage.register_forward_hook(lambda stage, inputs, outputs: shapes.append([*outputs[0].shape[1:]]))
    assert torch.isfinite(module(texts(2, length))).all()
    assert shapes == [[width, length] for width, length in zip((64, 128, 256, 512), lengths, strict=True)]


@pytest.mark.parametrize("padding", [0, 39])
@pytest.mark.parametrize("pooling", ["mean", "max"])
@pytest.mark.parametrize("strides", [(2, 1, 2), (2, 2, 2), (1, 1, 1), (3, 2, 4)])
def test_text_gives_the_same_alone_and_padded_among_longer_ones(strides, pooling, padding):
    module = network(strides=strides, pooling=pooling, padding=padding).eval()
    batch = texts(12, 12).clamp(max=38)
    for row in range(12):
        batch[row, row + 1 :] = padding
    together = module(batch)
    for row in range(12):
        torch.testing.assert_close(module(batch[row : row + 1, : row + 1])[0], together[row], rtol=0, atol=1e-12)


def test_padding_changes_neither_training_nor_its_statistics():
    first, second = network().train(), network().train()
    batch = texts(6, 9)
    batch[0, 3:] = 0
    torch.testing.assert_close(first(batch), second(nn.functional.pad(batch, (0, 7))), rtol=0, atol=1e-12)
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    for first_value, second_value in pairs:
        torch.testing.assert_close(first_value, second_value, rtol=0, atol=1e-12)


def test_one_word_alone_can_be_trained_on():
    module = network().train()
    module(texts(1, 1)).sum().backward()
    assert all(torch.isfinite(weight.grad).all() for weight in module.parameters())


def test_nothing_but_words_nearby_is_mixed():
    """No attention: of all that torch.export finds in the graph, nothing weighs words against each other."""
    program = torch.export.export(network().eval(), (texts(2, 7),))
    called = {str(node.target) for node in program.graph.nodes if node.op == "call_function"}
    mixing = ("softmax", "attention", "matmul", "bmm", "einsum", "baddbmm")
    assert [name for name in called if any(word in name for word in mixing)] == []
    assert any("conv1d" in name for name in called)


def test_downsampling_puts_strided_convolution_and_largest_value_side_by_side():
    torch.manual_seed(0)
    module = Downsampling(2, 5, stride=2).eval()
    values = torch.tensor([[[1.0, 4.0, 2.0, 3.0, 0.0], [0.0, 0.0, 5.0, 0.0, 1.0]]])
    outputs, is_word = module(values, torch.ones(1, 1, 5))
    assert outputs.shape == (1, 5, 3)
    assert outputs[0, 3:].tolist() == [[4, 4, 3], [0, 5, 1]]
    torch.testing.assert_close(outputs[:, :3], module.strided.convolution(values).relu(), rtol=0, atol=1e-4)
    assert is_word.tolist() == [[[1, 1, 1]]]


def test_deployed_network_has_no_normalisation_and_gives_the_same():
    module = network().eval()
    deployed = module.deployed()
    assert not any(isinstance(part, nn.BatchNorm1d) for part in deployed.modules())
    torch.testing.assert_close(deployed(texts(5, 11)), module(texts(5, 11)), rtol=0, atol=1e-9)
    assert any(isinstance(part, nn.BatchNorm1d) for part in module.modules())


def test_new_block_passes_on_what_comes_in():
    values = torch.rand(2, 32, 6)
    assert torch.equal(Block(8, cardinality=4).eval()(values, torch.ones(2, 1, 6)), values)


def test_normalisation_over_words_is_that_of_a_case_by_hand():
    module = NormedConvolution1d(1, 1, width=1).train()
    nn.init.ones_(module.convolution.weight)
    values = torch.tensor([[[1.0, 3.0, 50.0]]])
    normed = module(values, torch.tensor([[[1.0, 1.0, 0.0]]]))
    assert normed.flatten().tolist() == pytest.approx([-1, 1, 0], abs=1e-4)
    assert module.norm.running_mean.item() == pytest.approx(0.1 * 2)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"channels": []}, "channels must grow from stage to stage"),
        ({"channels": [16, 16], "strides": [2]}, r"must grow from stage to stage; got \[16, 16\]"),
        ({"channels": [0, 16], "strides": [2]}, "must grow"),
        ({"strides": [2, 2]}, r"4 stages need 3 strides of at least 1; got \[2, 2\]"),
        ({"strides": [2, 0, 2]}, "strides of at least 1"),
        ({"cardinality": 5}, "divisible by groups"),
    ],
)
def test_settings_that_make_no_network_are_refused(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        ResNeXt1D(words=40, classes=3, dimensions=50, **settings)
