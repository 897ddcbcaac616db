"""A file's mark in a picture: its place, shape and colour; and how large a picture is, in pixels."""

from dataclasses import dataclass

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 780, 460, 62, 18, 14, 48
COLOURS, SHAPES = 7, 6  # of the style sheet (Okabe and Ito's colours), and of MARKS
MARKS = (
    "M0-5A5 5 0 1 1 0 5A5 5 0 1 1 0-5Z",  # circle
    "M-4.5-4.5H4.5V4.5H-4.5Z",  # square
    "M0-6L6 0L0 6L-6 0Z",  # diamond
    "M0-6L5.5 4.5H-5.5Z",  # triangle
    "M0 6L5.5-4.5H-5.5Z",  # triangle upside down
    "M-2-5.5H2V-2H5.5V2H2V5.5H-2V2H-5.5V-2H-2Z",  # cross
)


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A file in a picture; `hollow` where it learned from labels alone."""

    x: float
    y: float
    series: int
    hollow: bool
    tip: str

    @property
    def name(self) -> str:
        """The first line of what is said of it: model and format."""
        return self.tip.partition("\n")[0]
