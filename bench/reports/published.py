"""The table of a published experiment: what its source printed, beside what this run measured."""

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

from bench.record.row import Row
from bench.record.run_file import Run
from bench.reports.layout import TextTable, figure, points, times

FIGURES = ("accuracy", "macro-F1", "weighted-F1", "gap closed", "evaluation s", "speed-up", "F1 of classes")


def published_table(run: Run, main_format: str) -> list[TextTable]:
    """The table, where the run's recipe holds published figures; ours are blank where there is no such model.

    A figure that the source printed for none of its models has no columns.
    """
    published = (run.recipe or {}).get("published")
    if not published:
        return []
    pairs = [_pairs(run, entry, main_format) for entry in published["figures"]]
    figure_numbers = [number for number in range(len(FIGURES)) if any(figures[number][0] for figures in pairs)]
    header = [f"{FIGURES[number]}\n{origin}" for number in figure_numbers for origin in ("published", "here")]
    lines = [
        [entry["title"], entry["model"], *(cell for number in figure_numbers for cell in figures[number])]
        for entry, figures in zip(published["figures"], pairs, strict=True)
    ]
    title = f"{run.name}: published figures, of {published['source']}, beside those measured here"
    return [(title, ("published as", "model here", *header), lines)]


def _pairs(run: Run, entry: Mapping[str, Any], main_format: str) -> list[tuple[str, str]]:
    """Return, for each of FIGURES, what was published and what was measured here."""
    format = "eager" if entry["model"] == "teacher" else main_format
    group = next((group for group in run.groups if (group.model, group.format) == (entry["model"], format)), None)
    model_rows = [
        row
        for row in run.rows
        if (row.model, row.format) == (entry["model"], format) and row.status != "failed" and row.f1_per_class
    ]
    timed_row = next((row for row in model_rows if row.end_to_end_texts_per_second), None)
    return [
        (points(entry["accuracy"]), points(group.accuracy if group else None)),
        (points(entry["macro_f1"]), points(group.headline if group else None)),
        (
            points(entry["weighted_f1"]),
            points(mean(row.weighted_f1 or 0 for row in model_rows) if model_rows else None),
        ),
        (figure(entry["gap_closed"]), figure(group.gap_closed if group else None)),
        (figure(entry["evaluation_seconds"]), figure(_evaluation_seconds(timed_row))),
        (
            times(entry["speedup"]),
            times(timed_row.batched_speedup if timed_row and timed_row.role != "teacher" else None),
        ),
        _classes_beside(entry["f1_per_class"], _mean_of_classes(model_rows)),
    ]


def _mean_of_classes(rows: Sequence[Row]) -> list[float] | None:
    """The F1 of each class, the mean over seeds."""
    return [mean(scores) for scores in zip(*(row.f1_per_class or () for row in rows), strict=True)] if rows else None


def _classes_beside(published: Sequence[float] | None, measured: Sequence[float] | None) -> tuple[str, str]:
    """The F1 of classes, published and measured; blank where the numbers of classes differ."""
    if published and measured and len(published) != len(measured):
        return "", ""
    return _classes(published), _classes(measured)


def _classes(scores: Sequence[float] | None) -> str:
    return " / ".join(map(points, scores)) if scores else ""


def _evaluation_seconds(row: Row | None) -> float | None:
    """The time in which all test rows would be classified, from text to label."""
    if row is None or row.confusion_matrix is None or row.end_to_end_texts_per_second is None:
        return None
    return sum(map(sum, row.confusion_matrix)) / row.end_to_end_texts_per_second
