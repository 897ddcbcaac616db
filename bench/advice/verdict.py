"""The verdict on a run: which file to ship, what it keeps and saves, whether its teacher helped, and what to try."""

from collections.abc import Sequence

from bench.advice.front import WORTH, files_of_one_seed, front_of, goodness, knee_of
from bench.record.row import Row
from bench.record.run_file import Run
from bench.reports.layout import figure, in_unit, points, with_interval

SOFTENED = ("soft", "distilled")  # objectives that use a temperature


def verdict(run: Run) -> list[str]:
    """Up to four sentences made from the rows of a run; none where it has no two sound files to choose from."""
    rows = files_of_one_seed(run.rows)
    if not rows:
        return ["No file of this run is sound: there is nothing to ship."] if run.rows else []
    if len(rows) < 2:
        return []
    best = shipped(rows)
    is_timed = best.latency_p50_ms is not None
    why = "the knee of quality against latency" if is_timed else "the best, as none was timed"
    sentences = [f"Ship {best.model} as {best.format} ({why}): {_kept(best, teacher_of(rows))}."]
    if best.role == "teacher":  # which is the knee only where no student could be
        sentences.append("It is the teacher's own: no student stands on the front.")
    return sentences + about(best, rows, run)


def shipped(rows: Sequence[Row]) -> Row:
    """Of the sound files of one seed the one to ship: the knee of their front, or the best student of untimed ones.

    Raises ValueError without a row.
    """
    if all(row.latency_p50_ms is not None for row in rows):
        return knee_of(front_of(rows))
    return max([row for row in rows if row.role == "student"] or rows, key=goodness)


def about(best: Row, rows: Sequence[Row], run: Run, *, choices: Sequence[Row] | None = None) -> list[str]:
    """What a student's file saves, whether its teacher helped, and what to try next; nothing of other files.

    `rows` are the sound files of its seed; only those among `choices`, by default all, are named as better ones.
    """
    teacher = teacher_of(rows)
    if teacher is None or best.role != "student":
        return []
    after = _next(best, teacher, rows if choices is None else choices, run)
    return [part for part in (_saved(best, teacher), _help(best, rows, run), after) if part]


def teacher_of(rows: Sequence[Row]) -> Row | None:
    """The eager teacher, to which the others are compared; none where there is none."""
    return next((row for row in rows if (row.role, row.format) == ("teacher", "eager")), None)


def _kept(best: Row, teacher: Row | None) -> str:
    metric, score = best.headline_metric, best.headline
    sentence = f"{metric.title} {with_interval(metric, score)}"
    if teacher is None or teacher.headline is None or score is None or best is teacher:
        return sentence
    reference = teacher.headline.value
    change = _change(best, reference, score.value)
    if not metric.higher_is_better or reference <= 0:
        return f"{sentence} against the teacher's {in_unit(metric, reference)} ({change})"
    return (
        f"{sentence}, which is {score.value / reference:.1%} of the teacher's {in_unit(metric, reference)} ({change})"
    )


def _change(best: Row, reference: float, value: float) -> str:
    """How much less or more than the teacher's; with the interval over test rows that both share, where it is known."""
    metric = best.headline_metric
    scale, unit = (100, " points") if metric.unit == "points" else (1, "")
    lost = (reference - value) * scale
    if abs(lost) < 0.05:
        return "as much"
    words = f"{abs(lost):.1f}{unit} {'less' if lost > 0 else 'more'}"
    if best.over_teacher_low is None or best.over_teacher_high is None:
        return words
    # `over_teacher` is positive where the file is better, whichever way the metric goes.
    gains = lost < 0 if metric.higher_is_better else lost > 0
    ends = sorted((1 if gains else -1) * end * scale for end in (best.over_teacher_low, best.over_teacher_high))
    return f"{words} [{ends[0]:.1f}, {ends[1]:.1f}]"


def _saved(best: Row, teacher: Row) -> str:
    parts = []
    if best.latency_p50_ms and teacher.latency_p50_ms:
        ratio = teacher.latency_p50_ms / best.latency_p50_ms
        word = f"{figure(ratio)} times as fast" if ratio >= 1 else f"{figure(1 / ratio)} times slower"
        parts.append(f"{word} (p50 {figure(best.latency_p50_ms)} ms against {figure(teacher.latency_p50_ms)} ms)")
    if best.size_bytes and teacher.size_bytes:
        ratio = teacher.size_bytes / best.size_bytes
        word = f"{figure(ratio)} times smaller" if ratio >= 1 else f"{figure(1 / ratio)} times larger"
        parts.append(f"{word} ({best.size_bytes / 1e6:.2f} MB against {teacher.size_bytes / 1e6:.2f} MB)")
    return f"It is {' and '.join(parts)}." if parts else ""


def _help(best: Row, rows: Sequence[Row], run: Run) -> str:
    """Whether what a student learned from its teacher is more than chance, by the gap that it closed."""
    taught, start = best, "Learning from the teacher"
    if not best.is_taught:
        taught_rows = [row for row in _like(best, rows) if row.is_taught]
        if not taught_rows:
            return "It learned from labels alone."
        taught = max(taught_rows, key=goodness)
        start = f"It learned from labels alone; learning from the teacher ({taught.objective_title})"
    group = next((group for group in run.groups if (group.model, group.format) == (taught.model, taught.format)), None)
    source = group if group is not None and group.seeds > 1 and group.gap_closed is not None else taught
    if source.gap_closed is None or source.gap_closed_low is None or source.gap_closed_high is None:
        has_alone = any(row.role == "student" and not row.is_taught for row in rows)
        return "Whether the teacher helped cannot be told: it is not surely the better one." if has_alone else ""
    amount = f"{source.gap_closed:.0%} [{source.gap_closed_low:.0%}, {source.gap_closed_high:.0%}]"
    is_more, is_less = source.gap_closed_low > 0, source.gap_closed_high < 0
    judged = "more than chance" if is_more else "a loss beyond chance" if is_less else "which may be chance"
    return f"{start} closed {amount} of the gap between the student alone and the teacher: {judged}."


def _next(best: Row, teacher: Row, rows: Sequence[Row], run: Run) -> str:
    """What the rows themselves show to help, the most telling first; nothing where the teacher is reached."""
    if goodness(teacher) - goodness(best) < WORTH:
        return ""
    others = [row for row in rows if row.role == "student" and row.format == best.format]
    better = max(others, key=goodness, default=best)
    if goodness(better) - goodness(best) >= WORTH:
        cost = f" at p50 {figure(better.latency_p50_ms)} ms" if better.latency_p50_ms else ""
        size = " (a larger student)" if (better.parameters or 0) > (best.parameters or 0) else ""
        return f"Next, where time allows: {better.model}{size} has {_gain(better, best)} more{cost}."
    taught = [row for row in _like(best, rows) if row.is_taught]
    with_transfer = max((row for row in taught if row.transfer_rows), key=goodness, default=None)
    without = max((row for row in taught if not row.transfer_rows), key=goodness, default=None)
    if with_transfer and without and goodness(with_transfer) - goodness(without) >= WORTH:
        gained, count = _gain(with_transfer, without), with_transfer.transfer_rows
        return f"Next: more transfer rows; {count:,} of them gave {best.student} {gained} over none."
    temperatures = _temperatures(run)
    if best.gap_closed_low is not None and best.gap_closed_low <= 0 and len(temperatures) == 1:
        return f"Next: another temperature, as only {temperatures.pop():g} was tried."
    return ""


def _like(best: Row, rows: Sequence[Row]) -> list[Row]:
    """The files of the same student in the same format, whatever it was trained for."""
    return [row for row in rows if (row.role, row.student, row.format) == ("student", best.student, best.format)]


def _temperatures(run: Run) -> set[float]:
    """The temperatures that soften what students learn from; none where a sweep tried several."""
    recipe = run.recipe or {}
    softened = [objective for objective in recipe.get("objectives", ()) if objective.get("name") in SOFTENED]
    return set() if recipe.get("sweep") else {objective["temperature"] for objective in softened}


def _gain(better: Row, row: Row) -> str:
    amount, metric = goodness(better) - goodness(row), row.headline_metric
    return f"{points(amount)} points" if metric.unit == "points" else f"{amount:.3g} {metric.title}"
