"""A convolution with its batch normalisation, and how the second becomes part of the first in a deployed model."""

import copy
from typing import Any

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


class NormedConvolution(nn.Module):
    """A convolution and the normalisation of its outputs, none once that is part of it; the forward is its heirs'."""

    def __init__(self, convolution: Any, norm: Any) -> None:
        super().__init__()
        self.convolution = convolution
        self.norm: Any = norm


def without_norms(model: nn.Module) -> nn.Module:
    """A copy of the model, for use after training, with every normalisation multiplied into its convolution."""
    deployed_model = copy.deepcopy(model).eval()
    for module in deployed_model.modules():
        if isinstance(module, NormedConvolution) and module.norm is not None:
            module.convolution = fuse_conv_bn_eval(module.convolution, module.norm)
            module.norm = None
    return deployed_model
