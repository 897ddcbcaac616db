"""Names in pictures never overlap, whatever lies where; files are small."""

import io

from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bench.reports.pictures.chart_files import LARGEST_PNG_BYTES, save_chart
from bench.reports.pictures.label_places import GAP_PIXELS, LINE_PIXELS, Mark, place_names

WIDTH, HEIGHT = 640, 400
SPOTS = st.tuples(st.floats(0, WIDTH), st.floats(0, HEIGHT))
MARKS = st.builds(lambda spot, name: Mark(x=spot[0], y=spot[1], name=name), SPOTS, st.text("abc", max_size=40))


@given(st.lists(MARKS, max_size=12), st.lists(SPOTS, max_size=12))
@settings(deadline=None, max_examples=60)
def test_no_name_covers_another_or_a_mark(marks, other_marks):
    places = place_names(marks, width=WIDTH, height=HEIGHT, other_marks=other_marks)
    assert len(places) == len(marks)
    for number, place in enumerate(places):
        assert not any(place.overlaps(other) for other in places[number + 1 :])
        for x, y in other_marks:
            assert not (place.left < x < place.right and abs(place.middle - y) < LINE_PIXELS)


def test_name_stands_beside_its_mark_and_at_the_right_end_to_the_left_of_it():
    marks = [Mark(x=100, y=50, name="fast"), Mark(x=WIDTH - 5, y=200, name="slow")]
    first, last = place_names(marks, width=WIDTH, height=HEIGHT)
    assert (first.left, first.middle) == (100 + GAP_PIXELS, 50)
    assert (last.right, last.middle) == (WIDTH - 5 - GAP_PIXELS, 200)


def test_picture_of_many_colours_becomes_a_small_png_beside_its_svg(tmp_path):
    import altair as alt

    values = [{"x": x, "y": y, "c": x * y} for x in range(40) for y in range(40)]
    base = alt.Chart(alt.InlineData(values=values)).properties(width=1500, height=1500)
    save_chart(base.mark_rect().encode(alt.X("x:O"), alt.Y("y:O"), alt.Color("c:Q")), tmp_path, "heat")
    content = (tmp_path / "heat.png").read_bytes()
    assert len(content) <= LARGEST_PNG_BYTES
    assert Image.open(io.BytesIO(content)).width > 500
    assert "<svg" in (tmp_path / "heat.svg").read_text(encoding="utf-8")
