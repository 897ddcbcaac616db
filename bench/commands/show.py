"""The command `show`: the tables of a finished run."""

import sys
from collections.abc import Sequence
from pathlib import Path

from bench.advice.best import rich_best
from bench.advice.verdict import verdict
from bench.record.place import refusing_odd_values, run_folder
from bench.record.run_file import Run, read_run
from bench.reports.cascade import CASCADE_REPORTS
from bench.reports.class_report import CLASS_REPORTS
from bench.reports.curves import CURVES, read_histories
from bench.reports.differences import DIFFERENCES, find_differences
from bench.reports.layout import rich_sentences
from bench.reports.report import REPORTS
from bench.reports.run_folder import pictures_in, sweep_text
from bench.reports.screen import Screen
from bench.suite.report import summary_text
from bench.suite.summary import Summary, load_summary
from materials.errors import RequestError, unknown


def show_run(
    place: Path,
    format: str,
    *,
    classes: bool = False,
    curves: bool = False,
    reach: Sequence[float] = (),
    significance: bool = False,
    cascade: bool = False,
    against: str | None = None,
    everything: bool = False,
) -> None:
    """Print a run in one of the formats of REPORTS, class by class, how its students learned, or whether they differ.

    On a screen the best file of each model is shown, or `everything`; the other formats hold every row.

    Raises RequestError for an unknown format, for more than one of these tables at once, and for scores to reach in a
    format that holds every epoch.
    """
    if classes + curves + significance + cascade > 1:
        options = "--classes, --curves, --significance and --cascade"
        raise RequestError(f"{options} are tables of their own; ask for one of them")
    reports = CLASS_REPORTS if classes else CASCADE_REPORTS if cascade else REPORTS
    if format not in reports:
        raise RequestError(unknown("format", format, reports))
    if reach and format in ("csv", "json"):
        raise RequestError(
            f"--reach belongs to the table of --curves; {format} holds every epoch: leave one of them out"
        )
    if place.is_dir() and (summary := load_summary(place)):
        _show_tasks(place, summary, format, is_whole=not (classes or curves or significance or cascade))
        return
    run = read_run(place)
    if run.recipe is None and (curves or (significance and against is None)):
        raise RequestError(
            f"{place} holds models that were measured, and none that a recipe trained here; there are no students to "
            f"{'follow epoch by epoch' if curves else 'hold against themselves alone: name a model with --against'}"
        )
    with refusing_odd_values(place):
        if curves:
            text = CURVES[format](run, read_histories(place), reach)
        elif significance:
            text = DIFFERENCES[format](run, find_differences(run, place, against=against))
        elif classes or cascade:
            text = reports[format](run)
        else:
            text = _whole(run, place, format, everything)
    sys.stdout.write(text)
    if format == "rich":
        _name_pictures(run_folder(place))


def _show_tasks(place: Path, summary: Summary, format: str, *, is_whole: bool) -> None:
    if not is_whole or format not in ("rich", "markdown"):
        tasks = ", ".join(str(place / task.name) for task in summary.tasks)
        raise RequestError(f"{place} holds several tasks, of which there is one table; show one of {tasks}")
    sys.stdout.write(summary_text(summary, format))


def _name_pictures(folder: Path) -> None:
    if pictures := pictures_in(folder):
        Screen().notice(f"pictures in {folder}: {', '.join(pictures)}")


def _whole(run: Run, place: Path, format: str, everything: bool) -> str:
    """Every table of a run; on a screen first what they come to, and then the best files unless all are asked for."""
    sweep = sweep_text(run, run_folder(place), format)
    if format != "rich":
        return REPORTS[format](run) + sweep
    return rich_sentences(verdict(run)) + "\n" + (REPORTS[format](run) if everything else rich_best(run)) + sweep


def points_of(text: str | None) -> list[float]:
    """Scores in points, as they were given. Raises RequestError for anything else."""
    try:
        scores = [float(score) for score in text.split(",")] if text else []
    except ValueError:
        scores = [-1.0]
    if not all(0 < score <= 100 for score in scores):
        raise RequestError(f"--reach needs scores between 0 and 100, such as 45,47.5; got '{text}'")
    return scores
