"""A league as a table and a picture."""

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING

from bench.league.summary import Line
from bench.reports.layout import TextTable, change_in_points, figure, markdown_tables, points, rich_tables
from bench.reports.pictures.chart_files import save_chart

if TYPE_CHECKING:
    import altair as alt

HEADER = (
    *("set", "rows", "unlabelled", "teacher", "best alone", "best distilled", "best peer", "minus peer"),
    *("gap closed", "lost", "texts/s", "teacher\ntexts/s", "training\nmin", "teacher\nmin"),
)
NOTES = (
    "scores: accuracy / macro-F1 of the ONNX file on the test rows, in points; rows: those with a label, of which a "
    "tenth is for validation; unlabelled: texts that only the teacher labels",
    "best: of the students, the one with the highest macro-F1 on validation rows; of the peers, on the test rows, "
    "which favours peers",
    "minus peer: macro-F1, with its 95 % paired bootstrap interval; level: that interval is not below zero, and the "
    "accuracy not lower with McNemar's p under 0.05; above: both scores are",
    "gap closed: of that student, against itself alone",
    "lost: classes that a student keeps alone (F1 above 0) and loses distilled, over all students",
    "texts/s: end to end, in batches of 32; minutes: of all training steps, without scoring; empty where not measured",
)


def league_table(lines: Sequence[Line]) -> TextTable:
    """A line for each cell and way of distilling."""
    return "league: one recipe, untouched, on every set", HEADER, [_cells(line) for line in lines]


def league_text(lines: Sequence[Line], format: str) -> str:
    """The table with its notes, rich or in Markdown."""
    writers: dict[str, Callable[[Sequence[TextTable], Sequence[str]], str]] = {
        "rich": rich_tables,
        "markdown": markdown_tables,
    }
    return writers[format]([league_table(lines)], [*NOTES, *totals(lines)])


def totals(lines: Sequence[Line]) -> list[str]:
    """How often students are level with peers and above them, the mean gap closed, and how many classes are lost."""
    sentences = []
    against = [line for line in lines if line.peer is not None]
    if against:
        level, above = sum(bool(line.is_level) for line in against), sum(bool(line.is_above) for line in against)
        sentences.append(
            f"of {len(against)} lines, the student is level with the best peer in {level}, above it in {above}"
        )
    for name, chosen in (
        ("with unlabelled texts", [line for line in lines if line.transfer_rows and not line.made_up]),
        ("with made-up texts", [line for line in lines if line.made_up]),
        ("without", [line for line in lines if not line.transfer_rows]),
    ):
        gaps = [line.gap_closed for line in chosen if line.gap_closed is not None]
        if gaps:
            sentences.append(f"mean gap closed {name}: {mean(gaps):.2f} over {len(gaps)} of {len(chosen)} lines")
    sentences.append(f"classes lost: {sum(len(line.lost) for line in lines)}")
    return sentences


def save_picture(lines: Sequence[Line], folder: Path) -> None:
    """Write league.png and league.svg: scores against the number of labelled rows, set by set."""
    if lines:
        save_chart(league_chart(lines), folder, "league")


def league_chart(lines: Sequence[Line]) -> "alt.FacetChart":
    """Macro-F1 of teacher, student alone, distilled and peer on every set, by the number of labelled rows."""
    import altair as alt

    records = [record for line in lines for record in _records(line)]
    order = list(dict.fromkeys(line.rows for line in lines))
    order.sort(key=lambda rows: float("inf") if rows == "all" else int(rows))
    base = alt.Chart(alt.InlineData(values=records)).encode(
        alt.X("rows:N", sort=order, title="labelled rows"),
        alt.Y("score:Q", scale=alt.Scale(zero=False), title="macro-F1, %"),
        alt.Color("model:N", sort=list(MODELS), title=None),
    )
    return (
        (base.mark_line(opacity=0.6) + base.mark_point(size=60, filled=True))
        .properties(width=190, height=170)
        .facet(facet=alt.Facet("set:N", sort=list(dict.fromkeys(line.data for line in lines)), title=None), columns=4)
        .resolve_scale(y="independent", x="independent")
        .properties(title="one recipe on every set: what students keep")
    )


MODELS = (
    *("teacher", "best peer", "student alone", "distilled"),
    *("distilled, made-up texts too", "distilled, unlabelled texts too"),
)


def _records(line: Line) -> list[dict[str, object]]:
    distilled = MODELS[3 if not line.transfer_rows else 4 if line.made_up else 5]
    scores = {"teacher": line.teacher_f1, "best peer": line.peer_f1, "student alone": line.alone_f1, distilled: line.f1}
    return [
        {"set": line.data, "rows": line.rows, "model": model, "score": score * 100}
        for model, score in scores.items()
        if score is not None
    ]


def _cells(line: Line) -> list[str]:
    return [
        line.data,
        line.rows,
        _unlabelled(line),
        _pair(line.teacher_accuracy, line.teacher_f1),
        f"{line.alone} {_pair(line.alone_accuracy, line.alone_f1)}",
        f"{line.student} {_pair(line.accuracy, line.f1)}",
        f"{line.peer} {_pair(line.peer_accuracy, line.peer_f1)}" if line.peer else "",
        _difference(line),
        "" if line.gap_closed is None else f"{line.gap_closed:.2f}",
        str(len(line.lost)),
        figure(line.texts_per_second),
        figure(line.teacher_texts_per_second),
        _minutes(line.training_seconds),
        _minutes(line.teacher_training_seconds),
    ]


def _unlabelled(line: Line) -> str:
    return f"{line.transfer_rows:,}{' made up' if line.made_up else ''}" if line.transfer_rows else "none"


def _pair(accuracy: float | None, f1: float | None) -> str:
    return f"{points(accuracy)} / {points(f1)}"


def _difference(line: Line) -> str:
    if line.peer_f1 is None or line.difference_low is None or line.difference_high is None:
        return ""
    low, high = change_in_points(line.difference_low), change_in_points(line.difference_high)
    return f"{change_in_points(line.f1 - line.peer_f1)} [{low}, {high}]"


def _minutes(seconds: float | None) -> str:
    return "" if seconds is None else figure(seconds / 60)
