"""Token numbers for a graph of any shape, made from the encoder alone."""

import numpy as np

from training.text_encoder import TextEncoder
from training.token_rows import TokenRows


def example_inputs(
    encoder: TextEncoder, *, batch: int = 2, length: int = 7, rows: TokenRows | None = None
) -> dict[str, np.ndarray]:
    """Inputs of exactly (batch, length); every second row is shorter, so that padding is exercised too.

    The tokens are those of `rows`, over and over; without rows, the first numbers of the vocabulary.
    """
    tokens = rows.tokens if rows else np.arange(1, encoder.tokenizer.get_vocab_size())
    stream = np.resize(tokens, batch * length).reshape(batch, length).tolist()
    shorter = max(1, length // 2)
    parts = [row[: shorter if number % 2 else length] for number, row in enumerate(stream)]
    return encoder.pad(TokenRows.of(parts), length=length)
