"""What every encoder is: the step from texts or images to the arrays that a model's graph takes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from encoders.graph_input import GraphInput


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The size of a batch, and of its texts in tokens; images have one size only, and no length."""

    batch: int
    length: int | None = None


class RowReader(Protocol):
    """What training needs of an encoder. Rows are of its own type, which has a length, and a slice is rows again."""

    def take(self, rows: Any, numbers: np.ndarray, /) -> Any:
        """The rows of these numbers, in this order."""
        ...

    def lengths(self, rows: Any, /) -> np.ndarray:
        """The length of each row, int64 (rows,), by which batches are sorted; 0 for all images."""
        ...

    def pad(self, rows: Any, /, *, length: int | None = None) -> dict[str, np.ndarray]:
        """The graph's inputs for a batch of rows; texts are filled up to `length`, or to the longest of them."""
        ...

    def batches(self, rows: Any, batch_size: int, /) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
        """Yield the row numbers and the graph's inputs of each batch; each row is in one batch."""
        ...


class Encoder(RowReader, Protocol):
    """The step from items to rows, and how it is shown, tried and saved."""

    @property
    def modality(self) -> str:
        """What the encoder takes: text, pair or image."""
        ...

    @property
    def inputs(self) -> tuple[GraphInput, ...]:
        """The graph's inputs, in the order in which `pad` gives them."""
        ...

    @property
    def max_length_tokens(self) -> int | None:
        """The number of tokens that a text is cut to; none for images."""
        ...

    @property
    def padding(self) -> int | None:
        """The number of the token that fills up shorter texts of a batch; none for images."""
        ...

    def encode(self, items: Sequence[Any], /) -> Any:
        """Rows for texts, pairs or images. Raises RequestError for an item that cannot be read, or of another kind."""
        ...

    def shapes(self) -> list[Shape]:
        """The shapes on which an exported file is compared with its original."""
        ...

    def example(self, shape: Shape, /, *, rows: Any = None) -> dict[str, np.ndarray]:
        """The graph's inputs of exactly this shape, made by repeating `rows`, or from the encoder alone."""
        ...

    def save(self, folder: Path, /) -> None:
        """Write the file that a bundle must carry to encode by itself."""
        ...
