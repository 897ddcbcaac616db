"""What stands below the tables of a run: signs, failures, how speed was taken, and what the tables leave out."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bench.recipe import ALONE
from bench.record.quality import class_counts
from bench.record.row import Row
from bench.record.run_file import Run
from bench.scores.median import median_interval
from materials.tasks.task import Task

NOTES = {
    "pareto": "★ no other row is both better and faster",
    "failed": "✗ failed its parity gate or its measurement: not to be used",
    "noisy": "~ not measured in quiet",
}

MOST_LOST, MOST_NAMED = 5, 3
FIGURE = re.compile(r"\d+(?:[.,]\d+)*")


def footnotes(run: Run) -> list[str]:
    """The notes of a run, in the order in which they are printed."""
    notes = [*_signs(run.rows), *_troubles(run.rows), _how(run), *_launched(run)]
    days = sorted({moment[:10] for row in run.rows if is_timed(row) for moment in _moments(row)})
    if len(days) > 1:
        notes.append(
            f"timed on {len(days)} days, {days[0]} to {days[-1]}: speed-ups across days mix two states of the machine; "
            "`distilbench cache --prune --kind measurement` and a new run time all files together"
        )
    if (run.recipe or {}).get("published"):
        notes.append(
            "published figures come from another machine and other runs, often from other data; a published gap "
            "closed is counted on accuracy, ours on macro-F1"
        )
    notes += _warnings(run)
    if any(row.objective_title == ALONE for row in run.rows) and any(_is_without_gap(row) for row in run.rows):
        notes.append(
            "gap closed is blank where the teacher is not surely better than the student alone (by less than a point, "
            "or its 95 % interval holds 0), or where one of the two failed in that format"
        )
    notes += _made_up(run) + _readings(run) + _untrained(run)
    notes += [f"there is no {name}" for name in _impossible(run)]
    notes += [f"impossible on the machine of this run: {sentence}" for sentence in run.impossible]
    timed_seeds = {row.seed for row in run.rows if is_timed(row)}
    return notes + [
        _labelling_note(labelling, run.unit, run.task)
        for labelling in run.labelling
        if labelling["seed"] in timed_seeds
    ]


def first_notes(run: Run, rows: Sequence[Row]) -> list[str]:
    """The notes that a table of some rows needs: its signs, how speed was taken, and what is wrong in the whole run."""
    failed = [row for row in run.rows if row.status == "failed"]
    noisy = [row for row in rows if row.status not in ("ok", "failed")]
    return [*_signs([*rows, *failed]), *_troubles([*failed, *noisy]), _how(run), *_warnings(run), *_untrained(run)]


def _warnings(run: Run) -> list[str]:
    """What takes away from the worth of models: a teacher that is no better, classes that are lost, leaks."""
    notes = [f"the teacher is no better than {model}: there is no gap to close" for model in _without_gap(run)]
    if constant := _constant(run):
        notes.append(f"decided the same for every test row: {', '.join(constant)}")
    if lost := _lost(run):
        notes.append(f"every test row of a {run.task.noun} got wrong (F1 0): {'; '.join(lost)}")
    return notes + [sentence for record in run.leaks for sentence in record.sentences]


def _signs(rows: Sequence[Row]) -> list[str]:
    """What the signs in the last column say, as far as these rows have them."""
    statuses = {row.status for row in rows} | ({"pareto"} if any(map(is_timed, rows)) else set())
    return [sentence for name, sentence in NOTES.items() if name in statuses]


def _troubles(rows: Sequence[Row]) -> list[str]:
    """Why rows failed or were not quiet; those of one reason, whatever its figures, are one note."""
    alike: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row.status != "ok":
            alike.setdefault((row.status, FIGURE.sub("0", str(row.error or row.noise))), []).append(row)
    notes = []
    for (status, _), group in alike.items():
        titles = [_title(row) for row in group]
        more = f" and {len(titles) - MOST_NAMED} more" if len(titles) > MOST_NAMED else ""
        reasons = {row.error or row.noise for row in group}
        first = "" if len(reasons) == 1 else " (the first of them)"
        sign = "✗" if status == "failed" else "~"
        notes.append(f"{sign} {'; '.join(titles[:MOST_NAMED])}{more}: {group[0].error or group[0].noise}{first}")
    return notes


def _title(row: Row) -> str:
    return f"{row.model} as {row.format}" + ("" if row.seed is None else f", seed {row.seed}")


def _how(run: Run) -> str:
    """What brackets hold, how speed was taken, and where and when."""
    is_any_timed = any(is_timed(row) for row in run.rows)
    speed = f"speed: {run.threads} thread(s), model only unless said, batch-1 p50 on real {run.unit}; "
    gpu = f" and {run.machine['gpu']['gpu']}" if run.machine.get("gpu") else ""
    machine = f"{run.machine['processor']}, {run.machine['cores']} cores{gpu}; {run.created[:10]}"
    return f"brackets: 95 % bootstrap intervals; {speed if is_any_timed else ''}{machine}"


def _launched(run: Run) -> list[str]:
    """How several launches of a file became one figure, and how many launches were made again."""
    launches = [launch for row in run.rows for launch in row.launches or ()]
    notes = []
    for count in sorted({len(row.launches) for row in run.rows if row.launches and len(row.launches) > 1}):
        interval = median_interval(range(count))
        if interval is None:
            raise ValueError("an interval needs two launches or more")
        place = int(interval.low) + 1
        ends = "the lowest and the highest launch" if place == 1 else f"number {place} from below and from above"
        notes.append(
            f"files launched {count} times, in turns: times and rates are the medians of the launches; their brackets "
            f"are {ends}, which hold the median of any number of launches with {interval.coverage * 100:.3g} %"
        )
    if again := sum((launch.tries or 1) - 1 for launch in launches):
        notes.append(f"launches that were made again, as they were not quiet: {again}")
    return notes


def _moments(row: Row) -> list[str]:
    """When the launches of a row were made, or its only one in an older run."""
    moments = [launch.measured_at for launch in row.launches or ()] or [row.measured_at]
    return [moment for moment in moments if moment]


def _without_gap(run: Run) -> list[str]:
    """The students that, trained alone, are at least as good as their teacher for some seed."""
    sign = 1 if run.task.headline.higher_is_better else -1
    teachers = {
        row.seed: sign * row.headline.value
        for row in run.rows
        if (row.role, row.format) == ("teacher", "eager") and row.headline is not None
    }
    names = [
        row.model + ("" if len(teachers) < 2 else f", seed {row.seed}")
        for row in run.rows
        if row.objective_title == ALONE and row.status != "failed" and row.headline is not None
        if row.seed in teachers and sign * row.headline.value >= teachers[row.seed]
    ]
    return list(dict.fromkeys(names))


def _is_without_gap(row: Row) -> bool:
    """Whether a row that could have closed a gap has no figure of it."""
    could_close = row.objective not in (None, ALONE) and row.status != "failed" and row.headline is not None
    return could_close and row.gap_closed is None


def _constant(run: Run) -> list[str]:
    """The models with a file that calls every test row by one class, or by none of several labels; each once."""
    names = []
    for row in run.rows:
        if row.status != "failed" and (counts := class_counts(row)) is not None and counts.shape[1] > 1:
            called_names = int((counts[2] > 0).sum())
            if called_names == (1 if row.confusion_matrix is not None else 0):
                names.append(row.model)
    return list(dict.fromkeys(names))


def _lost(run: Run) -> list[str]:
    """The label names of which some model gets none of the rows right, with these models; the first of them."""
    models_of_name: dict[str, dict[str, None]] = {}
    for row in run.rows:
        counts = class_counts(row)
        if row.status != "failed" and row.label_names and counts is not None:
            hits, true_rows, _ = counts
            for number in np.flatnonzero((hits == 0) & (true_rows > 0)):
                models_of_name.setdefault(row.label_names[number], {})[row.model] = None
    lines = [f"{name} ({', '.join(models)})" for name, models in models_of_name.items()]
    return [*lines[:MOST_LOST], *([f"{len(lines) - MOST_LOST} more"] if len(lines) > MOST_LOST else [])]


def _made_up(run: Run) -> list[str]:
    """How many transfer rows students learned from, where a rule says how many are made up of train rows."""
    augmentation = (run.recipe or {}).get("data", {}).get("augmentation") or {}
    if augmentation.get("copies") != "auto":
        return []
    most = max((row.transfer_rows or 0 for row in run.rows), default=0)
    if not most:
        return ["no transfer rows: the rule made up none of train rows, as a class or label of them is rare"]
    return [f"transfer rows: {most:,} at most; those that no source gave were made up of train rows"]


def _untrained(run: Run) -> list[str]:
    """What is to be known of a teacher that was not trained here: whether it judges itself, and what it costs."""
    recipe = run.recipe or {}
    notes = []
    if recipe.get("data", {}).get("classes") and _is_its_own_judge(run):
        notes.append("the test rows have no labels, and the teacher's decisions stand for them: quality is agreement")
    if cost := (recipe.get("teacher") or {}).get("cost"):
        notes.append(f"an answer of the teacher, as given and not measured: {cost}")
    return notes


def _is_its_own_judge(run: Run) -> bool:
    """Whether every eager teacher is right on all test rows, as it is on rows without labels alone."""
    teachers = [row for row in run.rows if (row.role, row.format) == ("teacher", "eager")]
    return bool(teachers) and all(row.headline is not None and row.headline.value == 1 for row in teachers)


def _readings(run: Run) -> list[str]:
    """Which tokens and vectors validation rows chose for the students to whom a recipe gives several."""
    students = [student for student in (run.recipe or {}).get("students", ()) if student.get("or_else")]
    open_titles = {student["name"] or student["architecture"] for student in students}
    seeds: dict[tuple[str, str], set[int | None]] = {}
    for row in run.rows:
        title = row.model.removesuffix(f" {row.objective_title}")
        if title in open_titles and row.reading:
            seeds.setdefault((title, row.reading), set()).add(row.seed)
    every_seed = {row.seed for row in run.rows if row.objective_title}
    return [
        f"{title} reads {reading}, which validation rows chose"
        + ("" if seeds_of == every_seed else f" for seed(s) {', '.join(map(str, sorted(seeds_of, key=str)))}")
        for (title, reading), seeds_of in seeds.items()
    ]


def _impossible(run: Run) -> list[str]:
    """The pairs of student and format that the recipe names but that are impossible, each with its reason."""
    from export.formats import EXPORTERS

    recipe = run.recipe or {}
    names = [name for name in recipe.get("formats", ()) if name in EXPORTERS]
    return [
        f"{architecture} as {name}: {EXPORTERS[name].impossible[architecture]}"
        for architecture in dict.fromkeys(student["architecture"] for student in recipe.get("students", ()))
        for name in names
        if architecture in EXPORTERS[name].impossible
    ]


def _labelling_note(labelling: Mapping[str, Any], unit: str, task: Task) -> str:
    common_rate, format = labelling["common_rows_per_second"], labelling["format"]
    format_rate = labelling["sample_rows_per_second"][format]
    ratio = f"{format_rate / common_rate:.1f} times"
    # Images are all of one size: there is nothing to sort or to pad.
    length = labelling.get("common_length_tokens", 128)
    ways = ("", "") if unit == "images" else (" in batches of equal length", f" padded to {length}")
    parts = (
        f"teacher logits, seed {labelling['seed']}: on the same {labelling['sample_rows']} rows and",
        f"{labelling['threads']} thread(s), {format_rate:,.0f} rows/s by {format}{ways[0]} against",
        f"{common_rate:,.0f} rows/s the common way (eager fp32, batches of 32{ways[1]}): {ratio};",
        f"{labelling['agreement_with_common']:.1%} {task.agreement_words}",
    )
    refused_formats = [f"{name} was not used: {reason}" for name, reason in labelling.get("refused", {}).items()]
    return "; ".join([" ".join(parts), *refused_formats])


def is_timed(row: Row) -> bool:
    """Whether a row has a latency, be it of the model or from item to decision."""
    return row.latency_p50_ms is not None or row.end_to_end_latency_p50_ms is not None
