"""A residual network for images: see `networks.resnet`."""

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn

from encoders.graph_input import pixel_values
from networks.normed_convolution import without_norms
from networks.resnet import ResNetBody
from students.student import Student


class ResNet(Student):
    """A `ResNetBody` of these settings under one layer."""

    version = 2
    modalities = ("image",)

    def __init__(
        self,
        *,
        classes: int,
        image_size: int,
        channels: Sequence[int] = (16, 32, 64),
        blocks: int = 1,
        width: float = 1.0,
        stem: Literal["small", "large"] = "small",
    ) -> None:
        super().__init__()
        self.inputs = (pixel_values(image_size, image_size),)
        self.body = ResNetBody(channels=channels, blocks=blocks, width=width, stem=stem)
        self.output = nn.Linear(self.body.features, classes)

    def forward(self, pixel_values: Tensor) -> Tensor:
        """Outputs (batch, classes) from pixel values (batch, 3, height, width)."""
        # A file in bf16 is given fp32 pixels.
        outputs: Tensor = self.output(self.body(pixel_values.to(self.output.weight.dtype)))
        return outputs

    def deployed(self) -> nn.Module:
        """The same model with every normalisation multiplied into its convolution."""
        return without_norms(self)
