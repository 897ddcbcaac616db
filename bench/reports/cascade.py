"""The table of cascades: how much each student answers alone, and what asking the teacher for the rest comes to."""

import json
from collections.abc import Callable
from dataclasses import asdict

from bench.record.run_file import Run
from bench.reports.layout import TextTable, figure, markdown_tables, points, rich_tables, with_interval
from bench.scores.cascade import rows_needed

CASCADE_REPORTS: dict[str, Callable[[Run], str]] = {
    "rich": lambda run: rich_tables([_table(run)], _notes(run)),
    "markdown": lambda run: markdown_tables([_table(run)], _notes(run)),
    "json": lambda run: json.dumps([_content(row) for row in run.rows if row.cascade], indent=2) + "\n",
}


def _table(run: Run) -> TextTable:
    metric = run.task.headline
    title = f"{metric.title}"
    header = (
        "model",
        "format",
        "seed",
        "sure from",
        "alone",
        "agreement",
        f"{title} alone",
        f"{title} both",
        "mean ms",
    )
    lines = [
        [
            row.model,
            row.format,
            "" if row.seed is None else str(row.seed),
            f"{row.cascade.threshold:.3f}",
            points(row.cascade.share),
            points(row.cascade.agreement),
            with_interval(metric, row.headline),
            with_interval(metric, row.cascade.headline),
            figure(row.cascade.mean_ms),
        ]
        for row in run.rows
        if row.cascade
    ]
    return f"{run.name}: student first, teacher where it is unsure", header, lines


def _notes(run: Run) -> list[str]:
    cascades = [row.cascade for row in run.rows if row.cascade]
    without = [f"{row.model} as {row.format}" for row in run.rows if row.role == "student" and not row.cascade]
    if not cascades:
        return ["no student has a threshold: too few validation rows, or too little agreement with the teacher"]
    wished = cascades[0].wished
    notes = [
        "alone: share of test rows that the student answers; agreement: of these with the teacher; both: the teacher "
        "answers the others",
        f"thresholds: validation rows prove an agreement of {wished:.0%} at 95 % (Clopper-Pearson, one-sided, for all "
        f"epochs of which they chose one), for which it takes {rows_needed(wished)} rows at least, and more for more "
        "epochs",
        "mean ms: from text to label, one text at a time, the teacher's fastest file for the rows it is asked",
    ]
    if without:
        notes.append(f"without a threshold: {', '.join(dict.fromkeys(without))}")
    return notes


def _content(row: object) -> dict[str, object]:
    content = asdict(row)  # type: ignore[call-overload]
    return {name: content[name] for name in ("model", "format", "seed", "cascade")}
