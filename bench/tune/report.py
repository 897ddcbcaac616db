"""The trials of a search as a table."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from bench.reports.layout import TextTable, figure, markdown_tables, points, rich_tables
from bench.tune.space import shown

if TYPE_CHECKING:
    from optuna import Study

ON_FRONT = "★"


def trials_text(study: "Study", format: str) -> str:
    """All trials, those on the front of what none beats marked, rich or in Markdown."""
    writers: dict[str, Callable[[Sequence[TextTable], Sequence[str]], str]] = {
        "rich": rich_tables,
        "markdown": markdown_tables,
    }
    trials = [trial for trial in study.get_trials(deepcopy=False) if "values" in trial.user_attrs]
    front = {trial.number for trial in study.best_trials}
    is_timed = len(study.directions) > 1
    header = ("trial", "settings", "validation", *(["p50 ms"] if is_timed else []), "epochs", "seconds", "")
    lines = [_line(trial, is_timed=is_timed, is_best=trial.number in front) for trial in trials]
    notes = [
        "validation: the best headline on validation rows, in points where it is a share; trial 1 is the recipe's own "
        "settings; pruned: worse by that epoch than half of the trials were; cut off: by the end of the time or of the "
        "process, and tried again",
        f"{ON_FRONT} no other trial is better{' and faster' if is_timed else ''}",
    ]
    return writers[format]([(f"{study.user_attrs.get('recipe', '')}: {len(trials)} trials", header, lines)], notes)


def _line(trial: Any, *, is_timed: bool, is_best: bool) -> list[str]:
    seconds = trial.duration.total_seconds() if trial.duration else None
    score = points(trial.values[0]) if trial.values else _why_without(trial)
    milliseconds = figure(trial.values[1]) if trial.values and is_timed else ""
    return [
        str(trial.number + 1),
        shown(trial.user_attrs["values"]),
        score,
        *([milliseconds] if is_timed else []),
        str(max(trial.intermediate_values, default="")),
        figure(seconds),
        ON_FRONT if is_best else "",
    ]


def _why_without(trial: Any) -> str:
    if "error" in trial.user_attrs:
        return "failed"
    return "pruned" if trial.state.name == "PRUNED" else "cut off"
