"""How much faster each file is than the teacher, measured in the same run and for the same seed."""

from collections.abc import Sequence
from dataclasses import replace

from bench.record.row import Row


def with_speedups(rows: Sequence[Row]) -> list[Row]:
    """Speed-ups by batch-1 p50: against the eager fp32 teacher, and against the teacher's fastest passed bundle.

    A row is held against the teacher of its own seed, or, where that was not timed, against none. `batched_speedup` is
    the ratio of throughputs from item to decision, in the offline scenario's batches. `speedup_128_tokens` is the first
    for one text of 128 tokens, where the sweep has that shape.
    """
    return [_with_speedup(row, [teacher for teacher in rows if _is_timed_teacher(teacher, row)]) for row in rows]


def _is_timed_teacher(teacher: Row, row: Row) -> bool:
    return (
        teacher.role == "teacher"
        and teacher.status != "failed"
        and teacher.latency_p50_ms is not None
        and (teacher.seed == row.seed or row.seed is None)
    )


def _with_speedup(row: Row, teachers: Sequence[Row]) -> Row:
    eager = next((teacher for teacher in teachers if teacher.format == "eager"), None)
    if eager is None:
        return row
    best = min(teacher.latency_p50_ms for teacher in teachers if teacher.latency_p50_ms is not None)
    return replace(
        row,
        speedup=_ratio(eager.latency_p50_ms, row.latency_p50_ms),
        speedup_best_export=_ratio(best, row.latency_p50_ms),
        end_to_end_speedup=_ratio(eager.end_to_end_latency_p50_ms, row.end_to_end_latency_p50_ms),
        batched_speedup=_ratio(row.end_to_end_texts_per_second, eager.end_to_end_texts_per_second),
        speedup_128_tokens=_ratio(_at_128_tokens(eager), _at_128_tokens(row)),
    )


def _at_128_tokens(row: Row) -> float | None:
    points = (point for point in row.sweep or () if (point.batch_size, point.length_tokens) == (1, 128))
    return next((point.latency_p50_ms for point in points), None)


def _ratio(numerator: float | None, denominator: float | None) -> float | None:
    return numerator / denominator if numerator is not None and denominator is not None else None
