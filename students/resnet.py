"""A small residual network for images (He et al. 2016)."""

from collections.abc import Sequence
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from encoders.graph_input import pixel_values
from students.normed_convolution import NormedConvolution, without_norms
from students.student import Student


class ResNet(Student):
    """A stem, a stage of residual blocks for each of `channels`, each half as high and wide, and a layer.

    Before the layer stands the mean over all places. `blocks` is how many blocks a stage has.
    """

    modalities = ("image",)

    def __init__(
        self, *, classes: int, image_size: int, channels: Sequence[int] = (16, 32, 64), blocks: int = 1
    ) -> None:
        super().__init__()
        if not channels or min(channels) < 1 or blocks < 1:
            raise ValueError(f"channels and blocks are numbers of at least 1; got {list(channels)} and {blocks}")
        self.inputs = (pixel_values(image_size, image_size),)
        self.stem = NormedConvolution2d(3, channels[0], stride=1)
        widths = [channels[0], *channels]
        self.stages = nn.ModuleList(
            nn.Sequential(
                ResidualBlock(inputs, outputs, stride=2),
                *(ResidualBlock(outputs, outputs, stride=1) for _ in range(blocks - 1)),
            )
            for inputs, outputs in pairwise(widths)
        )
        self.output = nn.Linear(channels[-1], classes)

    def forward(self, pixel_values: Tensor) -> Tensor:
        """Outputs (batch, classes) from pixel values (batch, 3, height, width)."""
        values = F.relu(self.stem(pixel_values.to(self.output.weight.dtype)))  # a file in bf16 is given fp32 pixels
        for stage in self.stages:
            values = stage(values)
        return self.output(values.mean(dim=(2, 3)))

    def deployed(self) -> nn.Module:
        """The same model with every normalisation multiplied into its convolution."""
        return without_norms(self)


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

    def __init__(self, inputs: int, outputs: int, *, stride: int, width: int = 3) -> None:
        convolution = nn.Conv2d(inputs, outputs, width, stride, width // 2, bias=False)
        super().__init__(convolution, nn.BatchNorm2d(outputs))

    def forward(self, values: Tensor) -> Tensor:
        """(batch, outputs, height / stride, width / stride)."""
        outputs: Tensor = self.convolution(values)
        return outputs if self.norm is None else self.norm(outputs)
