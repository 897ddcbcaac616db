"""The fastText classifier: the mean of word and bigram embeddings, then one layer (Joulin et al. 2016)."""

import torch.nn.functional as F
from torch import Tensor, nn

from students.text_student import TextStudent

HASH_FACTOR = 1_000_003


class Linear(TextStudent):
    """Bigrams are hashed into `buckets` rows inside the graph, so the exported file needs token numbers only."""

    def __init__(
        self, *, words: int, classes: int, dimensions: int, buckets: int = 100_000, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, dimensions, padding_idx=0)
        self.bigrams = nn.Embedding(buckets, dimensions)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(dimensions, classes)
        nn.init.zeros_(self.bigrams.weight)

    def forward(self, input_ids: Tensor) -> Tensor:
        """Logits (batch, classes) from token numbers (batch, length), padded with 0."""
        following = F.pad(input_ids[:, 1:], (0, 1))
        dtype = self.embedding.weight.dtype
        is_word = (input_ids != 0).unsqueeze(-1).to(dtype)
        is_pair = (following != 0).unsqueeze(-1).to(dtype)
        hashed = (input_ids * HASH_FACTOR + following) % self.bigrams.num_embeddings
        total = (self.embedding(input_ids) * is_word + self.bigrams(hashed) * is_pair).sum(dim=1)
        mean = total / (is_word + is_pair).sum(dim=1).clamp(min=1)
        return self.output(self.dropout(mean))
