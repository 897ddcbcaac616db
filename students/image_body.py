"""A body that was trained on other images, as a student."""

from collections.abc import Mapping, Sequence
from typing import Any

from students.student import Student


class ImageBodyStudent(Student):
    """What a student of a pretrained body of images is, before it has one: see `teachers.image_body.Head`.

    `hidden` are the widths of the layers of its head, with `dropout` before each; of a `frozen` body the head alone is
    trained. The module itself is the teacher's kind (see `teachers.image_body`), for this body.
    """

    is_pretrained = True
    learning_rate = 1e-4
    modalities = ("image",)

    def __init__(self, *, hidden: Sequence[int] = (), dropout: float = 0.0, frozen: bool = False) -> None:
        super().__init__()
        if min((1, *hidden)) < 1 or not 0 <= dropout < 1:
            raise ValueError(
                f"hidden are widths of at least 1, dropout is from 0 to 1; got {list(hidden)} and {dropout}"
            )

    @classmethod
    def check(cls, sizes: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
        """Raise ValueError for a head that cannot be; sizes are those of the weights."""
        cls(**settings)
