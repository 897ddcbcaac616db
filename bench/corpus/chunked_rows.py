"""A few thousand rows of a corpus, on their way from the file to the answers."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

CHUNK_ROWS = 4096


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """Rows as the corpus has them, in order.

    `first_row` counts rows from 0 over the whole corpus, those with a fault included. `items`, `row_numbers` and the
    rows of `table`, the columns that are kept, are those that can be scored as far as the reader saw; `faults` says by
    number what is wrong with every other row. `share_read` is how much of the corpus ends with this chunk.
    """

    first_row: int
    items: list[Any]
    row_numbers: list[int]
    table: "pa.Table"
    faults: dict[int, str] = field(default_factory=dict)
    share_read: float

    @property
    def next_row(self) -> int:
        """The number of the row after the last one."""
        return self.first_row + len(self.row_numbers) + len(self.faults)


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What a bundle says of a chunk's items, but for those that it could not read, whose `faults` stand by position.

    `labels` has a label for each answered item, several of them with commas between, or a number; `confidence` and
    `is_unsure` have shape (answered,), `probabilities` (answered, names); each is none where the bundle has none.
    """

    labels: "list[str] | np.ndarray"
    confidence: "np.ndarray | None"
    probabilities: "np.ndarray | None"
    is_unsure: "np.ndarray | None"
    faults: dict[int, str] = field(default_factory=dict)
