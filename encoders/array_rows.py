"""Rows that are arrays already, such as features that a body has computed."""

from collections.abc import Iterator

import numpy as np


class ArrayEncoder:
    """The part of an encoder that training needs, for rows of an array (rows, width) or one mapped from a file."""

    def take(self, rows: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """The rows of these numbers."""
        taken: np.ndarray = rows[numbers]
        return taken

    def lengths(self, rows: np.ndarray) -> np.ndarray:
        """Zeros: all rows are of one width."""
        return np.zeros(len(rows), dtype=np.int64)

    def pad(self, rows: np.ndarray, *, length: int | None = None) -> dict[str, np.ndarray]:
        """The rows as they are, in float32."""
        return {"features": np.array(rows, dtype=np.float32)}

    def batches(self, rows: np.ndarray, batch_size: int) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
        """Yield the row numbers and the rows of each batch, in order."""
        for start in range(0, len(rows), batch_size):
            batch = rows[start : start + batch_size]
            yield np.arange(start, start + len(batch)), self.pad(batch)
