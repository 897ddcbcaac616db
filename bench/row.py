"""One measured bundle as it stands in the run file, in the table and in a comparison."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Row:
    """Units are in the names; what does not apply or was not measured is none."""

    model: str
    role: str
    task: str
    device: str
    threads: int
    status: str
    error: str | None
    architecture: str
    objective: str | None
    objective_title: str | None
    transfer_rows: int | None
    seed: int
    format: str
    parity: str
    parameters: int
    size_bytes: int
    accuracy: float | None = None
    macro_f1: float | None = None
    macro_f1_low: float | None = None
    macro_f1_high: float | None = None
    f1_per_class: tuple[float, ...] | None = None
    confusion_matrix: tuple[tuple[int, ...], ...] | None = None
    calibration_error: float | None = None
    agreement: float | None = None
    gap_closed: float | None = None
    gap_closed_low: float | None = None
    gap_closed_high: float | None = None
    load_ms: float | None = None
    first_call_ms: float | None = None
    latency_p50_ms: float | None = None
    latency_p90_ms: float | None = None
    texts_per_second: float | None = None
    batch_size: int | None = None
    end_to_end_latency_p50_ms: float | None = None
    end_to_end_latency_p90_ms: float | None = None
    end_to_end_texts_per_second: float | None = None
    speedup: float | None = None
    speedup_best_export: float | None = None
    end_to_end_speedup: float | None = None
    measured_at: str | None = None
    bundle: str | None = None


@dataclass(frozen=True, kw_only=True)
class Group:
    """The same model in the same format over all seeds: means, the spread over seeds, and the gap closed."""

    model: str
    role: str
    architecture: str
    objective_title: str | None
    transfer_rows: int | None
    format: str
    seeds: int
    macro_f1: float
    macro_f1_spread: float | None
    accuracy: float
    gap_closed: float | None
    gap_closed_low: float | None
    gap_closed_high: float | None
