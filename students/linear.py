"""The fastText classifier: the mean of word and bigram embeddings, then one layer (Joulin et al. 2016)."""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from students.text_student import TextStudent

HASH_STEP = 0.381966  # 1 over the square of the golden ratio


class Linear(TextStudent):
    """Bigrams are hashed into `buckets` rows inside the graph, so the exported file needs token numbers only.

    The hash is Fibonacci's (Knuth 1998, section 6.4): it keeps bigrams apart that begin with neighbouring words. With
    0 buckets there are no bigrams. `start` is how weights are drawn: fasttext is embeddings uniform between 0 and
    1 / dimensions, and zeros in the layer.
    """

    version = 2  # 1 had another hash
    learning_rate = 5e-3
    most_tokens = 512

    def __init__(
        self,
        *,
        words: int,
        classes: int,
        dimensions: int,
        padding: int = 0,
        buckets: int = 100_000,
        dropout: float = 0.0,
        start: Literal["normal", "fasttext"] = "normal",
    ) -> None:
        super().__init__(words=words, dimensions=dimensions, padding=padding)
        if buckets < 0:
            raise ValueError(f"buckets is a number of at least 0; got {buckets}")
        self.factor = round(HASH_STEP * buckets)
        self.bigrams = nn.Embedding(buckets, dimensions) if buckets else None
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(dimensions, classes)
        if self.bigrams:
            nn.init.zeros_(self.bigrams.weight)
        if start == "fasttext":
            nn.init.uniform_(self.embedding.weight, 0, 1 / dimensions)
            nn.init.zeros_(self.output.weight)
            nn.init.zeros_(self.output.bias)

    def forward(self, input_ids: Tensor) -> Tensor:
        """Logits (batch, classes) from token numbers (batch, length), filled up with `padding`."""
        return self.output(self.dropout(self.mean_of(input_ids)))

    def mean_of(self, input_ids: Tensor) -> Tensor:
        """The mean of a text's word and bigram embeddings, (batch, dimensions); 0 for a text without a word."""
        is_word = (input_ids != self.padding).unsqueeze(-1).to(self.embedding.weight.dtype)
        embeddings, count = self.embedding(input_ids) * is_word, is_word
        if self.bigrams is not None:
            next_ids = F.pad(input_ids[:, 1:], (0, 1), value=self.padding)
            is_pair = (next_ids != self.padding).unsqueeze(-1).to(is_word.dtype)
            bucket_numbers = (input_ids * self.factor + next_ids) % self.bigrams.num_embeddings
            embeddings, count = embeddings + self.bigrams(bucket_numbers) * is_pair, is_word + is_pair
        # A text without a word is the mean of nothing: 0, not a division by 0.
        return embeddings.sum(dim=1) / count.sum(dim=1).clamp(min=1)

    def deployed(self) -> nn.Module:
        """The same model over one table, which holds class scores where these are fewer numbers than embeddings."""
        return DeployedLinear(self)


class DeployedLinear(nn.Module):
    """A linear student over one table of words and bigrams.

    Where that makes the file smaller, as it does for fewer classes than dimensions, the layer is multiplied into the
    table, and a row holds a score for each class. `table` is (words + bigrams + 1, width); its last row is zero and
    stands where there is no bigram.
    """

    table: Tensor
    bias: Tensor
    weight: Tensor | None

    def __init__(self, linear: Linear) -> None:
        super().__init__()
        self.words, self.padding = linear.embedding.num_embeddings, linear.padding
        self.buckets = linear.bigrams.num_embeddings if linear.bigrams else 0
        self.factor = linear.factor
        layer = linear.output
        with torch.no_grad():
            words = linear.embedding.weight.clone()
            words[self.padding] = 0  # so that the sum over a row needs no mask
            bigrams = [linear.bigrams.weight] if linear.bigrams else []
            rows = torch.cat([words, *bigrams, torch.zeros(1, words.shape[1])])
            scores = rows @ layer.weight.T
            is_smaller = scores.numel() <= rows.numel() + layer.weight.numel()
            self.register_buffer("table", scores if is_smaller else rows)
            self.register_buffer("weight", None if is_smaller else layer.weight.clone())
            self.register_buffer("bias", layer.bias.clone())

    def forward(self, input_ids: Tensor) -> Tensor:
        """Logits (batch, classes) from token numbers (batch, length), filled up with `padding`."""
        rows, count = input_ids, (input_ids != self.padding).sum(dim=1, keepdim=True)
        if self.buckets:
            next_ids = F.pad(input_ids[:, 1:], (0, 1), value=self.padding)
            is_pair = next_ids != self.padding
            row_numbers = (input_ids * self.factor + next_ids) % self.buckets + self.words
            rows = torch.cat([input_ids, torch.where(is_pair, row_numbers, self.words + self.buckets)], dim=1)
            count = count + is_pair.sum(dim=1, keepdim=True)
        mean = F.embedding(rows, self.table).sum(dim=1) / count.clamp(min=1)
        return mean + self.bias if self.weight is None else F.linear(mean, self.weight, self.bias)
