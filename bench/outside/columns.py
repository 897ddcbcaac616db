"""Where a file's items and labels stand, as the command line names them."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Columns:
    """The columns of a file; `text_pair` makes items pairs, `separator` parts the labels of a row.

    `class_names` is a file of new names for classes of images.
    """

    text: str | None = None
    text_pair: str | None = None
    label: str | None = None
    separator: str | None = None
    class_names: str | None = None
