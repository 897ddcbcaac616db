"""Token numbers for a graph of any shape, made from the encoder alone."""

from collections.abc import Sequence

import numpy as np

from training.text_encoder import TextEncoder


def example_inputs(
    encoder: TextEncoder, *, batch: int = 2, length: int = 7, rows: Sequence[Sequence[int]] = ()
) -> dict[str, np.ndarray]:
    """Inputs of exactly (batch, length); every second row is shorter, so that padding is exercised too.

    The tokens are those of `rows`, over and over; without rows, the first numbers of the vocabulary.
    """
    tokens = [token for row in rows for token in row] or list(range(1, encoder.tokenizer.get_vocab_size()))
    stream = np.resize(np.array(tokens, dtype=np.int64), batch * length).reshape(batch, length)
    lengths = [length if row % 2 == 0 else max(1, length // 2) for row in range(batch)]
    return encoder.pad([stream[row, : lengths[row]].tolist() for row in range(batch)], length=length)
