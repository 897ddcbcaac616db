"""Quality against latency as a picture: a mark for each measured file, and the names of those that no other beats."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pandas as pd

from bench.record.run_file import Run
from bench.reports.pictures.chart_files import save_chart
from bench.reports.pictures.label_places import Mark, place_names
from bench.reports.report import best_tradeoffs

if TYPE_CHECKING:
    import altair as alt

WIDTH, HEIGHT = 640, 400  # pixels of the field
FAR_PIXELS = 8.0  # a name that is moved further than this is joined to its mark by a line


def save_tradeoff(run: Run, folder: Path) -> None:
    """Write tradeoff.png and tradeoff.svg; nothing when no row was timed."""
    if chart := tradeoff_chart(run):
        save_chart(chart, folder, "tradeoff")


def tradeoff_chart(run: Run) -> "alt.LayerChart | alt.FacetChart | None":
    """The headline with its interval against batch-1 p50 on a log axis; a line joins the files that no other beats.

    Marks are filled where a model learned from the teacher and hollow where it did not, so that grey print tells them
    apart; the form of a mark is its format.
    """
    import altair as alt

    frame = _frame(run)
    if frame.empty:
        return None
    latencies, scores = _ends(frame["latency"], is_log=True), _ends(pd.concat([frame["low"], frame["high"]]))
    axis_title = f"latency of one {run.rows[0].modality}, p50, ms (log)"
    latency = alt.X("latency:Q", scale=alt.Scale(type="log", domain=latencies, nice=False), title=axis_title)
    score = alt.Y(
        "score:Q",
        scale=alt.Scale(domain=scores, nice=False),
        title=f"{run.task.headline.title} on the exported file, %",
    )
    order = list(dict.fromkeys(frame["model"]))
    filling = alt.Scale(domain=["labels", "the teacher"], range=[0.0, 1.0])
    base = alt.Chart(frame)
    intervals = base.mark_rule(opacity=0.2, color="gray").encode(latency, alt.Y("low:Q", title=""), alt.Y2("high:Q"))
    points = base.mark_point(size=80, strokeWidth=1.6).encode(
        latency,
        score,
        alt.Stroke("model:N", sort=order, legend=None),
        alt.Fill("model:N", sort=order, title="model"),
        alt.Shape("format:N", title="format"),
        alt.FillOpacity("learned:N", scale=filling, legend=None),
    )
    best = _placed(frame, latencies, scores)
    front = alt.Chart(best).mark_line(interpolate="step-after", strokeDash=[4, 3], color="gray").encode(latency, score)
    subtitle = [
        f"{run.machine['processor']}, {run.threads} thread(s); bars: 95 % bootstrap; dashed: best trade-offs",
        "filled: learned from the teacher; hollow: from labels alone",
    ]
    if noisy := int(frame["noisy"].sum()):
        subtitle.append(f"{noisy} of {len(frame)} files were not measured in quiet")
    title = alt.TitleParams(f"{run.name}: quality against latency", subtitle=subtitle)
    layers = [front, intervals, *_names(best, latency), points]
    return alt.layer(*layers).properties(width=WIDTH, height=HEIGHT, title=title)


def _names(best: pd.DataFrame, latency: "alt.X") -> "list[alt.Chart]":
    """The names of the best files, and a line to the mark of each that stands far from it."""
    import altair as alt

    far = alt.Chart(best[best["far"]])
    lines = far.mark_rule(color="gray", strokeWidth=0.7).encode(
        alt.X("name_end:Q", title=""), alt.X2("latency:Q"), alt.Y("name_score:Q", title=""), alt.Y2("score:Q")
    )
    halos, names = [], []  # white around a name, over lines that cross it
    for is_right in (True, False):
        align: Literal["left", "right"] = "left" if is_right else "right"
        text = alt.Chart(best[best["right"] == is_right]).encode(
            alt.X("name_end:Q", title=""), alt.Y("name_score:Q", title=""), text="name"
        )
        halos.append(
            text.mark_text(
                align=align, baseline="middle", fontSize=10, stroke="white", strokeWidth=3, strokeOpacity=0.85
            )
        )
        names.append(text.mark_text(align=align, baseline="middle", fontSize=10))
    return [lines, *halos, *names]


def _placed(frame: pd.DataFrame, latencies: list[float], scores: list[float]) -> pd.DataFrame:
    """The best files, the fastest first, with the places of their names in the units of the axes."""
    (left, right), (low, high) = (math.log(end) for end in latencies), scores
    in_pixels = frame.assign(
        x=[(math.log(value) - left) / (right - left) * WIDTH for value in frame["latency"]],
        y=[(high - value) / (high - low) * HEIGHT for value in frame["score"]],
    )
    best, others = in_pixels[frame["best"]].sort_values("latency"), in_pixels[~frame["best"]]
    marks = [Mark(x=x, y=y, name=name) for x, y, name in zip(best["x"], best["y"], best["name"], strict=True)]
    other_marks = list(zip(others["x"], others["y"], strict=True))
    places = place_names(marks, width=WIDTH, height=HEIGHT, other_marks=other_marks)
    is_right = [place.left > mark.x for place, mark in zip(places, marks, strict=True)]
    ends = [place.left if right_of_mark else place.right for place, right_of_mark in zip(places, is_right, strict=True)]
    return best.assign(
        right=is_right,
        name_end=[math.exp(left + end / WIDTH * (right - left)) for end in ends],
        name_score=[high - place.middle / HEIGHT * (high - low) for place in places],
        far=[abs(place.middle - mark.y) > FAR_PIXELS for place, mark in zip(places, marks, strict=True)],
    )


def _ends(values: pd.Series, *, is_log: bool = False) -> list[float]:
    """The ends of an axis: the values' own, with a little room around them, so that pixels of values are known."""
    low, high = float(values.min()), float(values.max())
    if is_log:
        return [low / 1.3, high * 1.3]
    room = 0.04 * (high - low) or 1.0
    return [low - room, high + room]


def _frame(run: Run) -> pd.DataFrame:
    timed_rows = [
        row
        for row in run.rows
        if row.latency_p50_ms is not None and row.headline is not None and row.status != "failed"
    ]
    best_positions = best_tradeoffs(timed_rows)
    content = [
        {
            "model": row.student if row.role == "student" else row.role,
            "learned": "the teacher" if row.is_taught else "labels",
            "format": row.format,
            "latency": row.latency_p50_ms,
            "score": row.headline.value * 100,
            "low": row.headline.low * 100,
            "high": row.headline.high * 100,
            "best": number in best_positions,
            "name": f"{row.model}, {row.format}",
            "noisy": row.status == "noisy",
        }
        for number, row in enumerate(timed_rows)
        if row.headline is not None and row.headline.low is not None and row.headline.high is not None
    ]
    return pd.DataFrame(content)
