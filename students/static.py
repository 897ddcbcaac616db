"""A mean of static token vectors, then one layer or two: what Model2Vec fine-tunes (Tulkens and van Dongen 2024)."""

import torch
from torch import Tensor, nn

from students.linear import DeployedLinear
from students.text_student import TextStudent


class Static(TextStudent):
    """The mean of the vectors of a text's tokens, a hidden layer of `hidden` units where that is not 0, one layer.

    Weights by frequency are in the vectors it starts from (see `teachers.token_vectors`); training moves them on.
    """

    learning_rate = 5e-3
    most_tokens = 512

    def __init__(
        self,
        *,
        words: int,
        classes: int,
        dimensions: int,
        padding: int = 0,
        hidden: int = 0,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        if hidden < 0:
            raise ValueError(f"hidden is a number of at least 0; got {hidden}")
        self.padding = padding
        self.embedding = nn.Embedding(words, dimensions, padding_idx=padding)
        self.hidden = nn.Linear(dimensions, hidden) if hidden else None
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden or dimensions, classes)

    def forward(self, input_ids: Tensor) -> Tensor:
        """Logits (batch, classes) from token numbers (batch, length), filled up with `padding`."""
        is_word = (input_ids != self.padding).unsqueeze(-1).to(self.embedding.weight.dtype)
        mean = (self.embedding(input_ids) * is_word).sum(dim=1) / is_word.sum(dim=1).clamp(min=1)
        if self.hidden is not None:
            mean = torch.relu(self.hidden(self.dropout(mean)))
        return self.output(self.dropout(mean))

    def deployed(self) -> nn.Module:
        """The same model; without a hidden layer, over a table of class scores where these are fewer numbers."""
        if self.hidden is not None:
            return self
        return DeployedLinear(self.embedding, None, self.output, padding=self.padding)
