"""Where the names of marks stand in a picture, so that no two of them overlap."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

CHARACTER_PIXELS, LINE_PIXELS = 5.6, 13.0  # of sans-serif text of size 10, a little more than it takes
GAP_PIXELS, MARK_PIXELS = 10.0, 6.0  # from the middle of a mark to its name, and to its edge


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A mark with its name; x and y are pixels from the upper left corner of the field."""

    x: float
    y: float
    name: str


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a name stands: from `left` to `right`, around the height `middle`, in pixels as those of marks."""

    left: float
    right: float
    middle: float

    def overlaps(self, other: "Place") -> bool:
        """Whether two names would touch."""
        is_beside = self.right <= other.left or other.right <= self.left
        return not is_beside and abs(self.middle - other.middle) < LINE_PIXELS


def place_names(
    marks: Sequence[Mark], *, width: float, height: float, other_marks: Sequence[tuple[float, float]] = ()
) -> list[Place]:
    """Where each mark's name stands: right of it, or left where the field of so many pixels ends; as near as is free.

    `other_marks` are the x and y of marks without a name, which no name covers. The names of higher marks are placed
    first. A name that finds no free place in the field stands below it.
    """
    every_mark = [*((mark.x, mark.y) for mark in marks), *other_marks]
    boxes = [Place(left=x - MARK_PIXELS, right=x + MARK_PIXELS, middle=y) for x, y in every_mark]
    places: dict[int, Place] = {}
    for number in sorted(range(len(marks)), key=lambda index: marks[index].y):
        mark = marks[number]
        length = CHARACTER_PIXELS * len(mark.name)
        is_right = mark.x + GAP_PIXELS + length <= width or mark.x < width / 2
        left = mark.x + GAP_PIXELS if is_right else mark.x - GAP_PIXELS - length
        for shift in _shifts(mark.y, height):
            place = Place(left=left, right=left + length, middle=mark.y + shift)
            if not any(place.overlaps(box) for box in (*places.values(), *boxes)):
                places[number] = place
                break
    return [places[number] for number in range(len(marks))]


def _shifts(y: float, height: float) -> Iterator[float]:
    """Shifts to try, the smallest first, up and down in the field, then below it without end."""
    step = LINE_PIXELS / 4
    for number in range(int(height / step) + 1):
        for shift in (step * number, -step * number):
            if LINE_PIXELS / 2 <= y + shift <= height - LINE_PIXELS / 2:
                yield shift
    yield from (height - y + step * number for number in count())
