"""Residual networks for images (He et al. 2016), from ResNet-18 down to a few thousand weights."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from networks.normed_convolution import NormedConvolution


class ResNetBody(nn.Module):
    """A stem, stages of residual blocks, one for each of `channels`, each half as high and wide, and the mean of all.

    `blocks` is how many blocks a stage has, and `width` what all
    channels are multiplied by. The `stem` is one convolution of 3 x 3, or, `large`, that of ResNet-18 for images of 224
    x 224: a convolution of 7 x 7 and a maximum, each of which halves the image, and the first stage does not.
    ResNet-18 has the stem large, the channels 64, 128, 256 and 512, and 2 blocks.
    """

    def __init__(
        self,
        *,
        channels: Sequence[int] = (16, 32, 64),
        blocks: int = 1,
        width: float = 1.0,
        stem: Literal["small", "large"] = "small",
    ) -> None:
        super().__init__()
        if not channels or min(channels) < 1 or blocks < 1:
            raise ValueError(f"channels and blocks are numbers of at least 1; got {list(channels)} and {blocks}")
        if width <= 0:
            raise ValueError(f"width is a positive factor of all channels; got {width}")
        is_large = stem == "large"
        channels = [max(1, round(width * number)) for number in channels]
        self.stem = NormedConvolution2d(3, channels[0], stride=2 if is_large else 1, width=7 if is_large else 3)
        self.pool = nn.MaxPool2d(3, stride=2, padding=1) if is_large else None
        self.stages = nn.ModuleList(
            nn.Sequential(
                ResidualBlock(inputs, outputs, stride=1 if is_large and number == 0 else 2),
                *(ResidualBlock(outputs, outputs, stride=1) for _ in range(blocks - 1)),
            )
            for number, (inputs, outputs) in enumerate(pairwise([channels[0], *channels]))
        )
        self.features = channels[-1]

    def forward(self, pixel_values: Tensor) -> Tensor:
        """Features (batch, features) from pixel values (batch, 3, height, width)."""
        values = F.relu(self.stem(pixel_values))
        values = values if self.pool is None else self.pool(values)
        for stage in self.stages:
            values = stage(values)
        means: Tensor = values.mean(dim=(2, 3))
        return means


class ResidualBlock(nn.Module):
    """Two convolutions, and what came in added to them, through a convolution of one pixel where its shape differs."""

    def __init__(self, inputs: int, outputs: int, *, stride: int) -> None:
        super().__init__()
        self.first = NormedConvolution2d(inputs, outputs, stride=stride)
        self.second = NormedConvolution2d(outputs, outputs, stride=1)
        same_shape = inputs == outputs and stride == 1
        self.shortcut = None if same_shape else NormedConvolution2d(inputs, outputs, stride=stride, width=1)

    def forward(self, values: Tensor) -> Tensor:
        """(batch, outputs, height / stride, width / stride), never negative."""
        shortcut_values = values if self.shortcut is None else self.shortcut(values)
        return F.relu(shortcut_values + self.second(F.relu(self.first(values))))


class NormedConvolution2d(NormedConvolution):
    """A convolution and its batch normalisation."""

    def __init__(self, inputs: int, outputs: int, *, stride: int, width: int = 3, groups: int = 1) -> None:
        convolution = nn.Conv2d(inputs, outputs, width, stride, width // 2, groups=groups, bias=False)
        super().__init__(convolution, nn.BatchNorm2d(outputs))

    def forward(self, values: Tensor) -> Tensor:
        """(batch, outputs, height / stride, width / stride)."""
        outputs: Tensor = self.convolution(values)
        return outputs if self.norm is None else self.norm(outputs)
