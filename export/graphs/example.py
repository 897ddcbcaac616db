"""Inputs for a graph of any shape, made from the encoder alone."""

import numpy as np

from encoders.encoder import Encoder, Shape
from encoders.made_up_rows import EXAMPLE_LENGTH


def example_inputs(encoder: Encoder, *, batch: int = 2, length: int = EXAMPLE_LENGTH) -> dict[str, np.ndarray]:
    """Inputs of exactly (batch, length), or of a batch of images, to trace a graph with."""
    return encoder.example(Shape(batch=batch, length=length))
