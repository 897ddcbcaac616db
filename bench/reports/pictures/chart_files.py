"""A chart as files: a PNG small enough for a README, and an SVG."""

import io
from pathlib import Path
from typing import TYPE_CHECKING

from materials.files import new_file

if TYPE_CHECKING:
    import altair as alt

LARGEST_PNG_BYTES = 150_000
SCALES = (2.0, 1.5, 1.0, 0.75, 0.5)  # the sharpest one whose PNG is small enough is kept
COLOURS_OF_A_PNG = 64
# Eight colours that the colour-blind tell apart (Okabe and Ito 2008); the pale yellow comes last.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#000000", "#F0E442")


def save_chart(chart: "alt.TopLevelMixin", folder: Path, name: str) -> None:
    """Write NAME.png, of at most 150 KB where a scale of a half allows it, and NAME.svg."""
    coloured = chart.configure_range(category=list(PALETTE))
    with new_file(folder / f"{name}.svg") as temporary:
        coloured.save(str(temporary), format="svg")
    with new_file(folder / f"{name}.png") as temporary:
        temporary.write_bytes(_png(coloured))


def _png(chart: "alt.TopLevelMixin") -> bytes:
    """The sharpest PNG that is small enough, else the smallest."""
    from PIL import Image

    for scale in SCALES:
        rendered, small = io.BytesIO(), io.BytesIO()
        chart.save(rendered, format="png", scale_factor=scale)
        # Few colours make a quarter of the bytes, and nobody sees the difference in lines and marks.
        Image.open(rendered).convert("RGB").quantize(COLOURS_OF_A_PNG).save(small, format="png", optimize=True)
        if small.tell() <= LARGEST_PNG_BYTES:
            break
    return small.getvalue()
