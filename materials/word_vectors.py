"""Pretrained word vectors, read for the words of one vocabulary only."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True, kw_only=True)
class WordVectors:
    """`matrix` is float32 (words, dimensions); `has_vector` is bool (words,), false for words without a vector."""

    matrix: np.ndarray
    has_vector: np.ndarray


def read_glove(folder: Path, words: list[str]) -> WordVectors:
    """The GloVe vectors of `words` (Pennington et al. 2014), in their order."""
    rows = glove_rows(folder)
    table = np.load(folder / "glove_6B_50d_emb.npy", mmap_mode="r")
    positions = np.array([rows.get(word, -1) for word in words], dtype=np.int64)
    has_vector = positions >= 0
    matrix = np.zeros((len(words), table.shape[1]), dtype=np.float32)
    matrix[has_vector] = table[positions[has_vector]]
    return WordVectors(matrix=matrix, has_vector=has_vector)


def glove_rows(folder: Path) -> dict[str, int]:
    """The row of each word in the GloVe table."""
    import pandas as pd

    index = pd.read_parquet(folder / "glove_6B_index.parquet")["index"]
    return {str(word): row for row, word in enumerate(index.tolist())}
