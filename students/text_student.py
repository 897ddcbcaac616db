"""What the students that read words have in common."""

from torch import nn

from encoders.graph_input import INPUT_IDS, GraphInput


class TextStudent(nn.Module):
    """A module over token numbers, filled up with `padding`, whose `embedding` may start from pretrained vectors.

    `version` is raised when the same weights would give other logits than before. `bf16` says whether it may be trained
    in bf16.
    """

    version: int = 1
    bf16: bool = True
    inputs: tuple[GraphInput, ...] = (INPUT_IDS,)
    embedding: nn.Embedding
    padding: int

    def deployed(self) -> nn.Module:
        """The module that is exported: by default this one, else one that computes the same logits for less."""
        return self
