"""EfficientNet-Lite0 (Tan and Le 2019, without its attention and with ReLU6), as it was trained on ImageNet."""

from collections.abc import Mapping
from itertools import accumulate

import torch.nn.functional as F
from torch import Tensor, nn

WIDTH = 1280
STAGES = (  # blocks, width of the kernel, stride of the first, how many times wider inside, outputs
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STEM = 32
NORM_EPSILON, NORM_MOMENTUM = 1e-3, 0.01  # as it was trained; torch's own differ
CLASSIFIER = "_fc."


class EfficientNetLite0(nn.Module):
    """The body: features (batch, 1280) from pixel values (batch, 3, image_size, image_size) of (value - 127) / 128."""

    def __init__(self, *, image_size: int) -> None:
        super().__init__()
        self.conv_stem = SamePadded(3, STEM, width=3, stride=2, size=image_size)
        self.bn0 = _norm(STEM)
        size, inputs = self.conv_stem.size_after, STEM
        blocks: list[Block] = []
        for count, width, stride, wider, outputs in STAGES:
            for number in range(count):
                block = Block(inputs, outputs, width=width, stride=stride if number == 0 else 1, wider=wider, size=size)
                blocks.append(block)
                size, inputs = block.depthwise_conv.size_after, outputs
        self.blocks = nn.ModuleList(blocks)
        ends = accumulate(count for count, *_ in STAGES)
        self.stages = [blocks[end - 1] for end in ends]  # a list, so that their weights are not named twice
        self.conv_head = nn.Conv2d(inputs, WIDTH, 1, bias=False)
        self.bn1 = _norm(WIDTH)

    def forward(self, pixel_values: Tensor) -> Tensor:
        """The mean over all places of what the last layer sees, (batch, 1280)."""
        values = F.relu6(self.bn0(self.conv_stem(pixel_values)))
        for block in self.blocks:
            values = block(values)
        return F.relu6(self.bn1(self.conv_head(values))).mean(dim=(2, 3))


class Block(nn.Module):
    """Wider, place by place, narrower again; what came in is added where its shape is that of what goes out."""

    def __init__(self, inputs: int, outputs: int, *, width: int, stride: int, wider: int, size: int) -> None:
        super().__init__()
        inside = inputs * wider
        self.is_widened = wider > 1
        if self.is_widened:
            self.expand_conv = nn.Conv2d(inputs, inside, 1, bias=False)
            self.bn0 = _norm(inside)
        self.depthwise_conv = SamePadded(inside, inside, width=width, stride=stride, size=size, groups=inside)
        self.bn1 = _norm(inside)
        self.project_conv = nn.Conv2d(inside, outputs, 1, bias=False)
        self.bn2 = _norm(outputs)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, values: Tensor) -> Tensor:
        """(batch, outputs, size / stride, size / stride)."""
        inside = F.relu6(self.bn0(self.expand_conv(values))) if self.is_widened else values
        outputs: Tensor = self.bn2(self.project_conv(F.relu6(self.bn1(self.depthwise_conv(inside)))))
        return outputs + values if self.adds else outputs


class SamePadded(nn.Conv2d):
    """A convolution padded as TensorFlow pads: an odd place more goes below and to the right of the image."""

    def __init__(self, inputs: int, outputs: int, *, width: int, stride: int, size: int, groups: int = 1) -> None:
        super().__init__(inputs, outputs, width, stride, bias=False, groups=groups)
        self.size_after = -(-size // stride)  # rounded up
        places = max(0, (self.size_after - 1) * stride + width - size)
        self.margins = (places // 2, places - places // 2) * 2  # left, right, above, below

    def forward(self, values: Tensor) -> Tensor:
        """(batch, outputs, size_after, size_after)."""
        return super().forward(F.pad(values, self.margins))


def body_weights(published: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The published weights under the names of `EfficientNetLite0`, without those of the 1,000 classes."""
    return {
        ".".join(part.removeprefix("_") for part in name.split(".")): values
        for name, values in published.items()
        if not name.startswith(CLASSIFIER)
    }


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=NORM_EPSILON, momentum=NORM_MOMENTUM)
