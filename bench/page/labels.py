"""Where the names of files stand in a picture, so that none covers another or a mark of the front."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.page.mark import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Mark

CHARACTER, LINE, GAP = 6.0, 13.0, 9.0  # pixels: a character's width at 11 px, a line's height, from mark to text
MOST_CHARACTERS = 42
MARK = 6.0
MOST_CLEAR = 300

Box = tuple[float, float, float, float]  # left, top, right, bottom
# Where a text may stand beside its mark, best first: its anchor, and how far it is moved across and down.
PLACES = (
    ("start", GAP, -GAP / 2),
    ("end", -GAP, -GAP / 2),
    ("start", GAP, GAP + LINE / 2),
    ("end", -GAP, GAP + LINE / 2),
    ("middle", 0.0, -GAP - 2),
    ("middle", 0.0, GAP + LINE),
    ("start", GAP, -GAP - LINE),
    ("end", -GAP, GAP + 1.5 * LINE),
)


@dataclass(frozen=True, kw_only=True)
class Label:
    """A text at its baseline; `anchor` says which end of it stands there."""

    x: float
    y: float
    anchor: str
    text: str

    @property
    def box(self) -> Box:
        """What it covers."""
        width = CHARACTER * len(self.text)
        left = self.x - {"start": 0.0, "middle": width / 2, "end": width}[self.anchor]
        return left, self.y - LINE + 3, left + width, self.y + 3


def place_labels(named: Sequence[Mark], marks: Sequence[Mark]) -> list[Label]:
    """Labels of the `named` marks, which cover no mark and not each other; without room a name is left out.

    Of more marks than a picture has room between, only the named ones are kept clear.
    """
    clear = marks if len(marks) <= MOST_CLEAR else named
    taken = [(mark.x - MARK, mark.y - MARK, mark.x + MARK, mark.y + MARK) for mark in clear]
    labels: list[Label] = []
    for mark in named:
        text = mark.name if len(mark.name) <= MOST_CHARACTERS else f"{mark.name[: MOST_CHARACTERS - 1].rstrip()}…"
        for anchor, right, down in PLACES:
            label = Label(x=round(mark.x + right, 1), y=round(mark.y + down, 1), anchor=anchor, text=text)
            if _is_inside(label.box) and not any(overlap(label.box, box) for box in taken):
                labels.append(label)
                taken.append(label.box)
                break
    return labels


def overlap(one: Box, other: Box) -> bool:
    """Whether two boxes share a point."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _is_inside(box: Box) -> bool:
    return box[0] >= LEFT and box[1] >= TOP and box[2] <= WIDTH - RIGHT and box[3] <= HEIGHT - BOTTOM
