"""A residual network of grouped convolutions over word vectors: ResNeXt (Xie et al. 2017) in one dimension."""

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from networks.normed_convolution import NormedConvolution, without_norms
from students.text_student import TextStudent

BLOCKS = 2
EXPANSION = 4
WIDTH = 3


class ResNeXt1D(TextStudent):
    """Stages of two ResNeXt blocks (as ResNet-18 has), a shorter text in each, pooling over time, dropout, one layer.

    `channels` are the widths of the stages' grouped convolutions, and `cardinality` their number of groups. `strides`
    divide the length before each stage but the first: by default, a quarter of it is left, where ResNet leaves a 32nd.
    """

    bf16 = False  # oneDNN's gradient of a strided convolution over one place is not a number then

    def __init__(
        self,
        *,
        words: int,
        classes: int,
        dimensions: int,
        padding: int = 0,
        channels: Sequence[int] = (16, 32, 64, 128),
        strides: Sequence[int] = (2, 1, 2),
        cardinality: int = 8,
        dropout: float = 0.3,
        pooling: Literal["mean", "max"] = "mean",
    ) -> None:
        _check(channels, strides)
        super().__init__(words=words, dimensions=dimensions, padding=padding)
        self.pooling = pooling
        widths = [EXPANSION * count for count in channels]
        self.dropout = nn.Dropout(dropout)
        entries: list[nn.Module] = [Stem(dimensions, widths[0])]
        entries += [
            Downsampling(inputs, outputs, stride=stride)
            for inputs, outputs, stride in zip(widths[:-1], widths[1:], strides, strict=True)
        ]
        self.stages = nn.ModuleList(
            ResidualStage(entry, count, cardinality=cardinality) for entry, count in zip(entries, channels, strict=True)
        )
        self.output = nn.Linear(widths[-1], classes)

    def forward(self, input_ids: Tensor) -> Tensor:
        """Logits (batch, classes) from token numbers (batch, length), filled up with `padding`."""
        is_word = (input_ids != self.padding).to(self.embedding.weight.dtype).unsqueeze(1)
        values = self.dropout(self.embedding(input_ids)).transpose(1, 2)
        for stage in self.stages:
            values, is_word = stage(values, is_word)
        if self.pooling == "max":  # values are never negative, and 0 on padding
            return self.output(self.dropout(values.amax(dim=2)))
        return self.output(self.dropout(values.sum(dim=2) / is_word.sum(dim=2).clamp(min=1)))

    def deployed(self) -> nn.Module:
        """The same model with every normalisation multiplied into its convolution."""
        return without_norms(self)


class ResidualStage(nn.Module):
    """What changes width and length, then the blocks.

    Values are (batch, width, length); `is_word` is (batch, 1, length), 1 for a word and 0 for padding. Between stages,
    values on padding are 0, as those beyond the ends of a text are, so that a padded text gives what it gives alone.
    """

    def __init__(self, entry: nn.Module, channels: int, *, cardinality: int) -> None:
        super().__init__()
        self.entry = entry
        self.blocks = nn.ModuleList(Block(channels, cardinality=cardinality) for _ in range(BLOCKS))

    def forward(self, values: Tensor, is_word: Tensor) -> tuple[Tensor, Tensor]:
        """Values and `is_word` of the new width and length."""
        values, is_word = self.entry(values, is_word)
        for block in self.blocks:
            values = block(values, is_word)
        return values, is_word


class Stem(nn.Module):
    """One convolution over the word vectors, at full length."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convolution = NormedConvolution1d(inputs, outputs, width=WIDTH)

    def forward(self, values: Tensor, is_word: Tensor) -> tuple[Tensor, Tensor]:
        """Values that are never negative, anything on padding, and the same `is_word`."""
        return F.relu(self.convolution(values, is_word)), is_word


class Downsampling(nn.Module):
    """A strided convolution and max-pooling side by side, their channels put together."""

    def __init__(self, inputs: int, outputs: int, *, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.strided = NormedConvolution1d(inputs, outputs - inputs, width=WIDTH, stride=stride)

    def forward(self, values: Tensor, is_word: Tensor) -> tuple[Tensor, Tensor]:
        """Values on length / stride, rounded up, so that one word stays one; those that come in are never negative."""
        # A stride takes places 0, stride, 2 * stride..., which are the centres of the windows below.
        shorter_is_word = is_word[:, :, :: self.stride]
        strided_values = F.relu(self.strided(values, shorter_is_word))
        as_image = values.unsqueeze(2)  # torch.export fixes the length of max_pool1d
        # Pooling needs no mask: padding holds 0, and no value is below that.
        maxima = F.max_pool2d(as_image, (1, WIDTH), (1, self.stride), (0, WIDTH // 2)).squeeze(2)
        return torch.cat([strided_values, maxima], dim=1), shorter_is_word


class Block(nn.Module):
    """ResNeXt's block: a narrow layer, a grouped convolution, a wide layer, and what came in added to it.

    The last normalisation starts at zero, so that a new block passes on what comes in (Goyal et al. 2017, section 5.1).
    """

    def __init__(self, channels: int, *, cardinality: int) -> None:
        super().__init__()
        self.narrow = NormedConvolution1d(EXPANSION * channels, channels, width=1)
        self.grouped = NormedConvolution1d(channels, channels, width=WIDTH, groups=cardinality)
        self.wide = NormedConvolution1d(channels, EXPANSION * channels, width=1, scale=0.0)

    def forward(self, values: Tensor, is_word: Tensor) -> Tensor:
        """Values of the same shape, never negative and 0 on padding, whatever came in there."""
        # Only the grouped convolution sees neighbours, so padding is set to 0 before it; the wide layer sees one place.
        inner_values = F.relu(self.narrow(values, is_word)) * is_word
        inner_values = F.relu(self.grouped(inner_values, is_word))
        return F.relu(values + self.wide(inner_values, is_word)) * is_word


class NormedConvolution1d(NormedConvolution):
    """A convolution and a batch normalisation whose means and variances are those of words: padding has no part in it.

    `scale` is the normalisation's first weight.
    """

    def __init__(
        self, inputs: int, outputs: int, *, width: int, groups: int = 1, stride: int = 1, scale: float = 1.0
    ) -> None:
        convolution = nn.Conv1d(inputs, outputs, width, stride, width // 2, groups=groups, bias=False)
        super().__init__(convolution, nn.BatchNorm1d(outputs))
        nn.init.constant_(self.norm.weight, scale)

    def forward(self, values: Tensor, is_word: Tensor) -> Tensor:
        """(batch, outputs, length); `is_word` is that of the result, whose padding may hold anything."""
        outputs = self.convolution(values)
        if self.norm is None:
            return outputs
        return _over_words(self.norm, outputs, is_word.squeeze(1) > 0) if self.training else self.norm(outputs)


def _over_words(norm: nn.BatchNorm1d, values: Tensor, is_word: Tensor) -> Tensor:
    """Batch normalisation in training, over the places (batch, length) of words; one alone has no variance."""
    if is_word.sum() < 2:
        return F.batch_norm(values, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps)
    # A mean over all places would shift with how much a batch is padded, and differ from the one used after training.
    by_place = values.transpose(1, 2)
    result = torch.zeros_like(by_place)
    result[is_word] = norm(by_place[is_word])
    return result.transpose(1, 2)


def _check(channels: Sequence[int], strides: Sequence[int]) -> None:
    if not channels or list(channels) != sorted(set(channels)) or channels[0] < 1:
        raise ValueError(f"channels must grow from stage to stage; got {list(channels)}")
    if len(strides) != len(channels) - 1 or min(strides, default=1) < 1:
        raise ValueError(f"{len(channels)} stages need {len(channels) - 1} strides of at least 1; got {list(strides)}")
