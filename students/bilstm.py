"""The one-layer bidirectional LSTM that Tang et al. (2019) distil BERT into."""

import torch
from torch import Tensor, nn

from students.text_student import TextStudent


class BiLSTM(TextStudent):
    """Two LSTMs, one over the text and one over the reversed text, the maximum over time, a hidden layer, one layer.

    The second LSTM reads each text reversed within its own length, so padding changes nothing and no packing is needed.
    """

    most_tokens = 128  # each is a step after the one before it, so that long texts take long

    def __init__(
        self,
        *,
        words: int,
        classes: int,
        dimensions: int,
        padding: int = 0,
        hidden: int = 150,
        layer: int = 200,
        dropout: float = 0.5,
    ) -> None:
        super().__init__(words=words, dimensions=dimensions, padding=padding)
        self.forwards = nn.LSTM(dimensions, hidden, batch_first=True)
        self.backwards = nn.LSTM(dimensions, hidden, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.hidden = nn.Linear(2 * hidden, layer)
        self.output = nn.Linear(layer, classes)

    def forward(self, input_ids: Tensor) -> Tensor:
        """Logits (batch, classes) from token numbers (batch, length), filled up with `padding`."""
        is_word = input_ids != self.padding
        embeddings = self.dropout(self.embedding(input_ids))
        position = torch.arange(input_ids.shape[1], device=input_ids.device).unsqueeze(0)
        # Place p of a text of n words reads word n - 1 - p; padding stays behind, where an LSTM meets it last. Packed
        # sequences would do the same, but torch.export (2.13) cannot trace them.
        source_position = torch.where(is_word, is_word.sum(dim=1, keepdim=True) - 1 - position, position)
        reversed_text = embeddings.gather(1, source_position.unsqueeze(-1).expand(-1, -1, embeddings.shape[2]))
        states = torch.cat([self.forwards(embeddings)[0], self.backwards(reversed_text)[0]], dim=2)
        # Reversed words fill the same places as words, so one mask serves both LSTMs, and a maximum over time needs no
        # order. States are tanh times a gate, above -1, so padding never wins.
        maxima = states.masked_fill(~is_word.unsqueeze(-1), -1.0).amax(dim=1)
        return self.output(self.dropout(torch.relu(self.hidden(self.dropout(maxima)))))
