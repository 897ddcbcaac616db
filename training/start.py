"""Where a model of numbers starts: at the mean of its targets, with errors of their size."""

import torch
from torch import nn


def start_in_the_middle(model: nn.Module, middle: float, scale: float) -> None:
    """Move the last layer of one output to `middle`, and stretch it by `scale`, in place.

    Optimisers move weights by about the learning rate a step, whatever the targets' unit: without this, a mean of 1,000
    would take a million steps of 0.001. Does nothing for logits, whose middle is 0 and whose scale is 1.
    """
    if (middle, scale) == (0.0, 1.0):
        return
    layers = [module for module in model.modules() if isinstance(module, nn.Linear) and module.out_features == 1]
    if not layers:
        return
    with torch.no_grad():
        layers[-1].weight.mul_(scale)
        if layers[-1].bias is not None:
            layers[-1].bias.fill_(middle)
