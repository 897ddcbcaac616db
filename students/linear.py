"""The fastText classifier: the mean of word and bigram embeddings, then one layer (Joulin et al. 2016)."""

import torch
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

    def deployed(self) -> nn.Module:
        """The same model as a table of class scores."""
        return FoldedLinear(self)


class FoldedLinear(nn.Module):
    """A linear student whose layer is multiplied into its embeddings: each word and bigram has one score a class.

    `scores` is (words + buckets + 1, classes); its last row, zeros, is the bigram of no pair.
    """

    scores: Tensor
    bias: Tensor

    def __init__(self, linear: Linear) -> None:
        super().__init__()
        self.words, self.buckets = linear.embedding.num_embeddings, linear.bigrams.num_embeddings
        self.factor = HASH_FACTOR % self.buckets  # the same remainder, from products that fit 32 bits more often
        with torch.no_grad():
            words = linear.embedding.weight.clone()
            words[0] = 0  # padding
            rows = torch.cat([words, linear.bigrams.weight, torch.zeros(1, words.shape[1])])
            self.register_buffer("scores", rows @ linear.output.weight.T)
            self.register_buffer("bias", linear.output.bias.detach().clone())

    def forward(self, input_ids: Tensor) -> Tensor:
        """Logits (batch, classes) from token numbers (batch, length), padded with 0."""
        following = F.pad(input_ids[:, 1:], (0, 1))
        is_pair = following != 0
        hashed = (input_ids * self.factor + following) % self.buckets + self.words
        pairs = torch.where(is_pair, hashed, self.words + self.buckets)
        total = F.embedding(torch.cat([input_ids, pairs], dim=1), self.scores).sum(dim=1)
        count = (input_ids != 0).sum(dim=1, keepdim=True) + is_pair.sum(dim=1, keepdim=True)
        return total / count.clamp(min=1) + self.bias
