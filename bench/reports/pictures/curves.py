"""The learning curves as a picture: score and loss after each epoch, one line for each model."""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from bench.reports.curves import score_column
from bench.reports.pictures.chart_files import save_chart
from materials.tasks.metrics import Metric

if TYPE_CHECKING:
    import altair as alt

MOST_POINTS = 25  # epochs; the points of longer lines would hide how the lines are dashed
BY_MODEL = ["student", "objective", "epoch"]


def save_curves(name: str, metric: Metric, histories: pd.DataFrame, folder: Path) -> None:
    """Write curves.png and curves.svg of the students that are exported; nothing when there is no epoch."""
    if not histories.empty and histories["exported"].any():
        save_chart(curves_chart(name, metric, histories[histories["exported"]]), folder, "curves")


def curves_chart(name: str, metric: Metric, histories: pd.DataFrame) -> "alt.VConcatChart":
    """For each student a field of scores on the test rows, and below it one of the loss; a line for each objective.

    Lines are means over seeds, within their lowest and highest. The loss is the mean of what training lowers over the
    batches of an epoch, so that those of two objectives are of different things.
    """
    import altair as alt

    trained = histories[histories["epoch"] > 0]
    fields = [
        _fields(histories.assign(shown=histories[score_column(metric)] * 100), f"{metric.title} on the test rows, %"),
        _fields(trained.assign(shown=trained["loss"]), "the objective's loss"),
    ]
    seeds = histories["seed"].nunique()
    title = alt.TitleParams(
        f"{name}: how the students learned",
        subtitle="one seed" if seeds == 1 else f"{seeds} seeds; line: their mean; band: from the lowest to the highest",
    )
    return alt.vconcat(*fields).properties(title=title)


def _fields(histories: pd.DataFrame, title: str) -> "alt.FacetChart":
    """A field for each student with the column `shown` by epoch."""
    import altair as alt

    frame = histories.groupby(BY_MODEL, sort=False)["shown"].agg(["mean", "min", "max"]).reset_index()
    frame["short"] = frame.groupby(["student", "objective"])["epoch"].transform("size") <= MOST_POINTS
    order = list(dict.fromkeys(frame["objective"]))
    epoch = alt.X("epoch:Q", title="epoch (0: before training)", axis=alt.Axis(tickMinStep=1))
    legend = alt.Legend(symbolType="stroke", symbolOpacity=1, symbolStrokeWidth=3, symbolSize=400, labelLimit=400)
    color = alt.Color("objective:N", sort=order, title="learned from", legend=legend)
    dash = alt.StrokeDash("objective:N", sort=order, title="the same in grey", legend=legend)
    base = alt.Chart(frame)
    of_objective = alt.Detail("objective:N")  # a colour here would give the picture a second legend
    band = base.mark_area(opacity=0.15, color="gray").encode(
        epoch, alt.Y("min:Q", title=""), alt.Y2("max:Q"), of_objective
    )
    score = alt.Y("mean:Q", title=title, scale=alt.Scale(zero=False))
    line = base.mark_line().encode(epoch, score, color, dash)
    points = base.transform_filter("datum.short").mark_point(filled=True, size=16).encode(epoch, score, color)
    students = list(dict.fromkeys(frame["student"]))
    layers = alt.layer(band, line, points).properties(width=320, height=240)
    return layers.facet(alt.Facet("student:N", sort=students, title=None), columns=2)
