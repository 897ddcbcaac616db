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
        """The same model over one table, of class scores where those are fewer numbers than embeddings."""
        return DeployedLinear(self)


class DeployedLinear(nn.Module):
    """A linear student over one table of words and bigrams, without the bigrams whose hash no two words have.

    Where that makes the file smaller, as it does for fewer classes than dimensions, the layer is multiplied into the
    table: a row is a score for each class. `table` is (words + bigrams + 1, width); its last row, zeros, is no bigram.
    """

    table: Tensor
    bias: Tensor
    weight: Tensor | None

    def __init__(self, linear: Linear) -> None:
        super().__init__()
        self.words, self.buckets = linear.embedding.num_embeddings, linear.bigrams.num_embeddings
        self.factor = HASH_FACTOR % self.buckets  # the same remainder, from products that fit 32 bits more often
        self.pairs = min(self.buckets, (self.factor + 1) * (self.words - 1) + 1)
        layer = linear.output
        with torch.no_grad():
            words = linear.embedding.weight.clone()
            words[0] = 0  # padding
            rows = torch.cat([words, linear.bigrams.weight[: self.pairs], torch.zeros(1, words.shape[1])])
            scores = rows @ layer.weight.T
            is_smaller = scores.numel() <= rows.numel() + layer.weight.numel()
            self.register_buffer("table", scores if is_smaller else rows)
            self.register_buffer("weight", None if is_smaller else layer.weight.clone())
            self.register_buffer("bias", layer.bias.clone())

    def forward(self, input_ids: Tensor) -> Tensor:
        """Logits (batch, classes) from token numbers (batch, length), padded with 0."""
        following = F.pad(input_ids[:, 1:], (0, 1))
        is_pair = following != 0
        hashed = (input_ids * self.factor + following) % self.buckets + self.words
        pairs = torch.where(is_pair, hashed, self.words + self.pairs)
        total = F.embedding(torch.cat([input_ids, pairs], dim=1), self.table).sum(dim=1)
        count = (input_ids != 0).sum(dim=1, keepdim=True) + is_pair.sum(dim=1, keepdim=True)
        mean = total / count.clamp(min=1)
        return mean + self.bias if self.weight is None else F.linear(mean, self.weight, self.bias)
