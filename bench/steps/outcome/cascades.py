"""What cascades do on test rows: the student alone where it is sure, the teacher elsewhere."""

from collections.abc import Sequence
from dataclasses import replace

from bench.record.row import Cascade, Row, Score
from bench.scores.cascade import follow
from bench.scores.quality import score
from bench.steps.knowledge import labelling_format
from bench.steps.models import Measured
from bench.steps.outcome.rows import Runs, outputs_of


def with_cascades(runs: Runs, rows: Sequence[Row], wished: float) -> list[Row]:
    """The rows of students with what their thresholds come to on test rows; rows are in the order of the files."""
    done = []
    for number, row in enumerate(rows):
        cascade = _cascade(runs, number, row, rows, wished) if number < len(runs.measured) else None
        done.append(replace(row, cascade=cascade) if cascade else row)
    return done


def _cascade(runs: Runs, number: int, row: Row, rows: Sequence[Row], wished: float) -> Cascade | None:
    file = runs.measured[number]
    threshold, teacher = file.model.thresholds.get(file.format), _labeller(runs, file.model.seed)
    if threshold is None or teacher is None or not runs.is_sound(file):
        return None
    splits = runs.splits[file.model.splits]
    outcome = follow(splits.task, outputs_of(file), outputs_of(teacher), threshold)
    interval = score(splits.task.headline, splits.test.targets, outcome.outputs)
    return Cascade(
        wished=wished,
        threshold=threshold,
        share=outcome.share,
        agreement=outcome.agreement,
        headline=Score(value=interval.value, low=interval.low, high=interval.high),
        mean_ms=_mean_ms(row, rows, outcome.share),
    )


def _labeller(runs: Runs, seed: int) -> Measured | None:
    """The teacher's file whose answers are promised: the one that labelled; none where it is not sound."""
    teachers = [model for model in runs.models if (model.role, model.seed) == ("teacher", seed) and model.knowledge]
    formats = [labelling_format(model.knowledge) for model in teachers if model.knowledge]
    return next((runs.sound.get(("teacher", format, seed)) for format in formats), None)


def _mean_ms(row: Row, rows: Sequence[Row], share: float) -> float | None:
    """The student's time for every text, and that of the teacher's fastest sound file for those it is asked."""
    asked = [
        other.end_to_end_latency_p50_ms
        for other in rows
        if other.role == "teacher" and other.seed == row.seed and other.status != "failed"
        if other.end_to_end_latency_p50_ms is not None
    ]
    if row.end_to_end_latency_p50_ms is None or not asked:
        return None
    return row.end_to_end_latency_p50_ms + (1 - share) * min(asked)
