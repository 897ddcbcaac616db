"""What the students that read words have in common."""

from torch import nn

from encoders.graph_input import INPUT_IDS, GraphInput
from students.student import Student


class TextStudent(Student):
    """A module over token numbers, filled up with `padding`, whose `embedding` may start from pretrained vectors.

    A pair of texts is one row of tokens, with a separator between them.
    """

    modalities: tuple[str, ...] = ("text", "pair")
    inputs: tuple[GraphInput, ...] = (INPUT_IDS,)

    def __init__(self, *, words: int, dimensions: int, padding: int) -> None:
        super().__init__()
        self.padding = padding
        self.embedding = nn.Embedding(words, dimensions, padding_idx=padding)
