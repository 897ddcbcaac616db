"""Confusion matrices of a run as a picture."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.record.row import Row
from bench.record.run_file import Run
from bench.reports.class_report import LARGEST_MATRIX, names_of, one_row_a_model
from bench.reports.pictures.chart_files import save_chart

if TYPE_CHECKING:
    import altair as alt

MATRIX_PIXELS, CELL_PIXELS = 200, 36


def save_confusion(run: Run, folder: Path) -> None:
    """Write confusion.png and confusion.svg; nothing when no row has a confusion matrix."""
    if chart := confusion_chart(run):
        save_chart(chart, folder, "confusion")


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
