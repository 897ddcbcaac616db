"""A run as pictures: quality against latency, one mark for each measured file, and confusion matrices."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from bench.record.row import Row
from bench.record.run_file import Run
from bench.reports.class_report import LARGEST_MATRIX, names_of, one_row_a_model
from bench.reports.report import best_tradeoffs
from materials.files import new_file

if TYPE_CHECKING:
    import altair as alt

MATRIX_PIXELS, CELL_PIXELS = 200, 36


def save_tradeoff(run: Run, folder: Path) -> None:
    """Write tradeoff.png and tradeoff.svg; nothing when no row was timed."""
    if chart := tradeoff_chart(run):
        save_chart(chart, folder, "tradeoff")


def save_confusion(run: Run, folder: Path) -> None:
    """Write confusion.png and confusion.svg; nothing when no row has a confusion matrix."""
    if chart := confusion_chart(run):
        save_chart(chart, folder, "confusion")


def save_chart(chart: "alt.TopLevelMixin", folder: Path, name: str) -> None:
    """Write NAME.png and NAME.svg."""
    for suffix, scale in ((".png", 2.0), (".svg", 1.0)):
        with new_file(folder / f"{name}{suffix}") as temporary:
            chart.save(str(temporary), format="png" if suffix == ".png" else "svg", scale_factor=scale)


def tradeoff_chart(run: Run) -> "alt.LayerChart | alt.FacetChart | None":
    """The headline with its interval against batch-1 p50 on a log axis; a line joins the files that no other beats."""
    import altair as alt

    frame = _frame(run)
    if frame.empty:
        return None
    axis_title = f"latency of one {run.rows[0].modality}, p50, ms (log)"
    latency = alt.X("latency:Q", scale=alt.Scale(type="log"), title=axis_title)
    score = alt.Y("score:Q", scale=alt.Scale(zero=False), title=f"{run.task.headline.title} on the exported file, %")
    color = alt.Color("model:N", sort=list(dict.fromkeys(frame["model"])), title="model")
    learned_from = alt.Opacity(
        "learned:N", title="learned from", scale=alt.Scale(domain=["labels", "the teacher"], range=[0.35, 0.95])
    )
    base = alt.Chart(frame)
    intervals = base.mark_rule(opacity=0.2, color="gray").encode(latency, alt.Y("low:Q", title=""), alt.Y2("high:Q"))
    points = base.mark_point(size=90, filled=True).encode(
        latency, score, color, alt.Shape("format:N", title="format"), learned_from
    )
    best_points = alt.Chart(frame[frame["best"]].sort_values("latency"))
    front = best_points.mark_line(interpolate="step-after", strokeDash=[4, 3], color="gray").encode(latency, score)
    names = best_points.mark_text(align="left", baseline="bottom", dx=6, dy=-4, fontSize=10).encode(
        latency, score, text="name"
    )
    subtitle = [f"{run.machine['processor']}, {run.threads} thread(s); bars: 95 % bootstrap; dashed: best trade-offs"]
    if noisy := int(frame["noisy"].sum()):
        subtitle.append(f"{noisy} of {len(frame)} files were not measured in quiet")
    title = alt.TitleParams(f"{run.name}: quality against latency", subtitle=subtitle)
    return alt.layer(front, intervals, points, names).properties(width=640, height=400, title=title)


def confusion_chart(run: Run) -> "alt.FacetChart | None":
    """A heat map for each model, true class by predicted class; the counts are written in where there is room."""
    import altair as alt

    rows = [row for row in one_row_a_model(run) if row.confusion_matrix]
    if not rows:
        return None
    names = list(dict.fromkeys(name for row in rows for name in names_of(row)))
    titles = [f"{row.model} ({row.format})" for row in rows]
    cells = [cell for title, row in zip(titles, rows, strict=True) for cell in _cells(title, row)]
    base = alt.Chart(alt.InlineData(values=cells)).encode(
        alt.X("predicted:N", sort=names, title="called"), alt.Y("true:N", sort=names, title="is")
    )
    color = alt.Color("share:Q", scale=alt.Scale(scheme="blues", domain=[0, 1]), title="share of the class")
    layers = [base.mark_rect().encode(color)]
    if len(names) <= LARGEST_MATRIX:
        ink = alt.condition("datum.share > 0.5", alt.value("white"), alt.value("black"))
        layers.append(base.mark_text().encode(text="rows:Q", color=ink))
    side = max(MATRIX_PIXELS, CELL_PIXELS * len(names)) if len(names) <= LARGEST_MATRIX else 2 * MATRIX_PIXELS
    return (
        alt.layer(*layers)
        .properties(width=side, height=side)
        .facet(facet=alt.Facet("model:N", sort=titles, title=None), columns=3)
        .properties(title=f"{run.name}: what the test rows of each class are called")
    )


def _cells(title: str, row: Row) -> list[dict[str, Any]]:
    """One record for each pair of classes."""
    names = names_of(row)
    return [
        {
            "model": title,
            "true": true_name,
            "predicted": predicted_name,
            "rows": rows,
            "share": rows / max(1, sum(line)),
        }
        for true_name, line in zip(names, row.confusion_matrix or (), strict=True)
        for predicted_name, rows in zip(names, line, strict=True)
    ]


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
            "learned": "the teacher" if row.objective not in (None, "hard") else "labels",
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
