"""A small network of inverted residuals for images (Sandler et al. 2018, MobileNetV2)."""

from collections.abc import Sequence
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from encoders.graph_input import pixel_values
from networks.normed_convolution import without_norms
from networks.resnet import NormedConvolution2d
from students.student import Student


class MobileNet(Student):
    """A stem that halves the image, a stage for each of `channels`, of `blocks` inverted residuals, and a layer.

    Every stage but the first halves the image again. Inside a block there are `expansion` times as many channels, which
    are convolved one by one; `width` is what all channels are multiplied by. Before the layer stands the mean over
    all places.
    """

    modalities = ("image",)

    def __init__(
        self,
        *,
        classes: int,
        image_size: int,
        channels: Sequence[int] = (16, 24, 40, 80),
        blocks: int = 2,
        expansion: int = 4,
        width: float = 1.0,
    ) -> None:
        super().__init__()
        if not channels or min((*channels, blocks, expansion)) < 1 or width <= 0:
            raise ValueError(
                "channels, blocks and expansion are numbers of at least 1, and width is positive; got "
                f"{list(channels)}, {blocks}, {expansion} and {width}"
            )
        self.inputs = (pixel_values(image_size, image_size),)
        channels = [max(1, round(width * number)) for number in channels]
        self.stem = NormedConvolution2d(3, channels[0], stride=2)
        self.stages = nn.ModuleList(
            nn.Sequential(
                InvertedResidual(inputs, outputs, stride=1 if number == 0 else 2, expansion=expansion),
                *(InvertedResidual(outputs, outputs, stride=1, expansion=expansion) for _ in range(blocks - 1)),
            )
            for number, (inputs, outputs) in enumerate(pairwise([channels[0], *channels]))
        )
        self.output = nn.Linear(channels[-1], classes)

    def forward(self, pixel_values: Tensor) -> Tensor:
        """Outputs (batch, classes) from pixel values (batch, 3, height, width)."""
        values = F.relu6(self.stem(pixel_values.to(self.output.weight.dtype)))  # a file in bf16 is given fp32 pixels
        for stage in self.stages:
            values = stage(values)
        return self.output(values.mean(dim=(2, 3)))

    def deployed(self) -> nn.Module:
        """The same model with every normalisation multiplied into its convolution."""
        return without_norms(self)


class InvertedResidual(nn.Module):
    """Wider, convolved channel by channel, narrow again; what came in is added where the shapes are the same."""

    def __init__(self, inputs: int, outputs: int, *, stride: int, expansion: int) -> None:
        super().__init__()
        inside = inputs * expansion
        self.wide = NormedConvolution2d(inputs, inside, stride=1, width=1)
        self.depthwise = NormedConvolution2d(inside, inside, stride=stride, groups=inside)
        self.narrow = NormedConvolution2d(inside, outputs, stride=1, width=1)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, values: Tensor) -> Tensor:
        """(batch, outputs, height / stride, width / stride)."""
        outputs: Tensor = self.narrow(F.relu6(self.depthwise(F.relu6(self.wide(values)))))
        return outputs + values if self.adds else outputs
