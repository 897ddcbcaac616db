"""The convolutional sentence classifier of Kim (2014)."""

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from students.text_student import TextStudent


class CNN(TextStudent):
    """One convolution for each of `widths`, ReLU, the maximum over time, dropout, one layer.

    `start` is how embeddings are drawn: kim is uniform between -0.25 and 0.25, as in the author's code.
    """

    def __init__(
        self,
        *,
        words: int,
        classes: int,
        dimensions: int,
        padding: int = 0,
        widths: Sequence[int] = (3, 4, 5),
        filters: int = 100,
        dropout: float = 0.5,
        start: Literal["normal", "kim"] = "normal",
    ) -> None:
        super().__init__(words=words, dimensions=dimensions, padding=padding)
        if not widths or min(widths) < 1 or filters < 1:
            raise ValueError(f"widths and filters are numbers of at least 1; got {list(widths)} and {filters}")
        if start == "kim":
            nn.init.uniform_(self.embedding.weight, -0.25, 0.25)
        self.widths = tuple(widths)
        self.convolutions = nn.ModuleList(nn.Conv1d(dimensions, filters, width) for width in widths)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(filters * len(widths), classes)

    def forward(self, input_ids: Tensor) -> Tensor:
        """Logits (batch, classes) from token numbers (batch, length), filled up with `padding`."""
        is_word = (input_ids != self.padding).to(self.embedding.weight.dtype)
        embeddings = self.embedding(input_ids).transpose(1, 2)
        maxima = [
            self._strongest(*pair, embeddings, is_word) for pair in zip(self.widths, self.convolutions, strict=True)
        ]
        return self.output(self.dropout(torch.cat(maxima, dim=1)))

    def _strongest(self, width: int, convolution: nn.Module, embeddings: Tensor, is_word: Tensor) -> Tensor:
        """The maximum over all windows that hold a word, so that padding changes nothing; (batch, filters)."""
        margin = width - 1
        activation = F.relu(convolution(F.pad(embeddings, (margin, margin))))
        # Window j ends at place j. It holds a word if its first place does, as words come before padding; the first
        # `margin` windows begin before the text and hold its first word. A product with 0 is no maximum after a ReLU.
        holds_word = F.pad(is_word, (margin, 0), value=1.0)
        return (activation * holds_word.unsqueeze(1)).amax(dim=2)
