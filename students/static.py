"""A mean of static token vectors, then one layer or two: what Model2Vec fine-tunes (Tulkens and van Dongen 2024)."""

import torch
from torch import Tensor, nn

from students.linear import Linear


class Static(Linear):
    """A linear student without bigrams, with a hidden layer of `hidden` units before its layer where that is not 0.

    Weights by frequency are in the vectors it starts from (see `teachers.token_vectors`); training moves them on.
    """

    version = 1

    def __init__(
        self, *, words: int, classes: int, dimensions: int, padding: int = 0, hidden: int = 0, dropout: float = 0.3
    ) -> None:
        super().__init__(
            words=words, classes=classes, dimensions=dimensions, padding=padding, buckets=0, dropout=dropout
        )
        if hidden < 0:
            raise ValueError(f"hidden is a number of at least 0; got {hidden}")
        self.hidden = nn.Linear(dimensions, hidden) if hidden else None
        if hidden:
            self.output = nn.Linear(hidden, classes)

    def forward(self, input_ids: Tensor) -> Tensor:
        """Logits (batch, classes) from token numbers (batch, length), filled up with `padding`."""
        mean = self.mean_of(input_ids)
        if self.hidden is not None:
            mean = torch.relu(self.hidden(self.dropout(mean)))
        return self.output(self.dropout(mean))

    def deployed(self) -> nn.Module:
        """The same model; without a hidden layer, over one table as the linear student."""
        return self if self.hidden is not None else super().deployed()
