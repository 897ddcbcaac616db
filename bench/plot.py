"""The trade-off as a picture: quality against latency, one mark for each measured file."""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from bench.report import best_tradeoffs
from bench.run_file import Run
from materials.files import new_file

if TYPE_CHECKING:
    import altair as alt


def save_tradeoff(run: Run, folder: Path) -> None:
    """Write tradeoff.png and tradeoff.svg; nothing when no row was timed."""
    chart = tradeoff_chart(run)
    if chart is not None:
        save_chart(chart, folder, "tradeoff")


def save_chart(chart: "alt.TopLevelMixin", folder: Path, name: str) -> None:
    """Write NAME.png and NAME.svg."""
    for suffix, scale in ((".png", 2.0), (".svg", 1.0)):
        with new_file(folder / f"{name}{suffix}") as temporary:
            chart.save(str(temporary), format="png" if suffix == ".png" else "svg", scale_factor=scale)


def tradeoff_chart(run: Run) -> "alt.LayerChart | alt.FacetChart | None":
    """Macro-F1 with its interval against batch-1 p50 on a log axis; a line joins the files that none other beats."""
    import altair as alt

    frame = _frame(run)
    if frame.empty:
        return None
    latency = alt.X("latency:Q", scale=alt.Scale(type="log"), title="latency of one text, p50, ms (log)")
    score = alt.Y("score:Q", scale=alt.Scale(zero=False), title="macro-F1 on the exported file, %")
    color = alt.Color("model:N", sort=list(dict.fromkeys(frame["model"])), title="model")
    learned = alt.Opacity(
        "learned:N", title="learned from", scale=alt.Scale(domain=["labels", "the teacher"], range=[0.35, 0.95])
    )
    base = alt.Chart(frame)
    intervals = base.mark_rule(opacity=0.2, color="gray").encode(latency, alt.Y("low:Q", title=""), alt.Y2("high:Q"))
    points = base.mark_point(size=90, filled=True).encode(
        latency, score, color, alt.Shape("format:N", title="format"), learned
    )
    front = (
        alt.Chart(frame[frame["best"]].sort_values("latency"))
        .mark_line(interpolate="step-after", strokeDash=[4, 3], color="gray")
        .encode(latency, score)
    )
    machine = run.machine["processor"]
    title = alt.TitleParams(
        f"{run.name}: quality against latency",
        subtitle=f"{machine}, {run.threads} thread(s); bars: 95 % bootstrap; dashed: best trade-offs",
    )
    return alt.layer(front, intervals, points).properties(width=640, height=400, title=title)


def _frame(run: Run) -> pd.DataFrame:
    timed = [
        row
        for row in run.rows
        if row.latency_p50_ms is not None and row.macro_f1 is not None and row.status != "failed"
    ]
    best = best_tradeoffs(timed)
    content = [
        {
            "model": row.architecture if row.role == "student" else row.role,
            "learned": "the teacher" if row.objective not in (None, "hard") else "labels",
            "format": row.format,
            "latency": row.latency_p50_ms,
            "score": row.macro_f1 * 100,
            "low": row.macro_f1_low * 100,
            "high": row.macro_f1_high * 100,
            "best": number in best,
        }
        for number, row in enumerate(timed)
        if row.macro_f1 is not None and row.macro_f1_low is not None and row.macro_f1_high is not None
    ]
    return pd.DataFrame(content)
