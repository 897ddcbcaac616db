"""One measured bundle as it stands in the run file, in the table and in a comparison."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.recipe import ALONE
from materials.modalities import MODALITIES
from materials.tasks import task_of
from materials.tasks.metrics import Metric

STATES = ("ok", "noisy", "failed")
ROLES = ("teacher", "plain teacher", "student", "peer", "foreign")


@dataclass(frozen=True, kw_only=True)
class Score:
    """A metric on the test rows, with its 95 % bootstrap interval where it is printed with one."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, kw_only=True)
class SweepPoint:
    """The model's latency for one fixed shape; none where the file does not take that shape.

    Images have no length.
    """

    batch_size: int
    length_tokens: int | None
    latency_p50_ms: float | None


@dataclass(frozen=True, kw_only=True)
class Cascade:
    """A student that answers alone from the probability `threshold` on, and the teacher elsewhere, on test rows.

    Validation rows promise that the student agrees with the teacher in the share `wished` of the rows that it answers
    alone. `share` is how many these are, `agreement` how many of them agree, none where there are none; `headline` is
    that of both together, and `mean_ms` the mean time from item to decision, none where one of them was not timed.
    """

    wished: float
    threshold: float
    share: float
    agreement: float | None
    headline: Score
    mean_ms: float | None


@dataclass(frozen=True, kw_only=True)
class Probe:
    """How long the fixed piece of work took at a moment of a launch: medians of its matrix products and its copying.

    `moment` is the measurement that came next, or "after" the last one.
    """

    moment: str
    product_ms: float
    copy_ms: float


@dataclass(frozen=True, kw_only=True)
class Launch:
    """One process that timed a file: its medians and rates, what disturbed it, and the probes of the machine's speed.

    `slowdown` is how many times its best on this machine the slowest probe took. `tries` says how many launches were
    made until one was quiet, or time was up; the others are not kept.
    """

    latency_p50_ms: float | None = None
    end_to_end_latency_p50_ms: float | None = None
    texts_per_second: float | None = None
    end_to_end_texts_per_second: float | None = None
    measured_at: str | None = None
    noise: str | None = None
    slowdown: float | None = None
    tries: int | None = None
    probes: tuple[Probe, ...] = ()

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> "Launch":
        """A launch from its plain content, as run.json and the figures of a measurement hold it."""
        return cls(**{**content, "probes": tuple(Probe(**probe) for probe in content.get("probes") or ())})


@dataclass(frozen=True, kw_only=True)
class Row:
    """Units are in the names; what does not apply or was not measured is none.

    `f1_per_class` and `confusion_matrix`, true label by predicted label, are in the order of `label_names`; so is
    `label_counts`, the hits, true rows and called rows of each of several labels a row.
    `role` is teacher, plain teacher, student, peer or foreign; `status` ok, noisy (`noise` says why) or failed (`error`
    says why). Of several `launches`, times and rates are the medians, and `slowdown` is that of the launches' own.
    `divergence` is KL(teacher || row) in nats.
    `reading` names the tokens and vectors of a student of texts.
    `training_seconds` are those of all steps, without scoring; `validation_score` is the task's headline on validation
    rows after the epoch that was kept. `scores` holds, by name, the metrics of the task that have no field of their
    own. Items are texts in the names of fields; `modality` says what they are. `without_near_duplicates` holds the
    task's metrics on the test rows that have no near-duplicate among train and transfer rows, where some have one.
    """

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
    seed: int | None
    format: str
    parity: str
    parameters: int | None
    size_bytes: int | None
    accuracy: float | None = None
    macro_f1: float | None = None
    macro_f1_low: float | None = None
    macro_f1_high: float | None = None
    weighted_f1: float | None = None
    micro_f1: float | None = None
    label_names: tuple[str, ...] | None = None
    f1_per_class: tuple[float, ...] | None = None
    confusion_matrix: tuple[tuple[int, ...], ...] | None = None
    label_counts: tuple[tuple[int, ...], ...] | None = None
    calibration_error: float | None = None
    scores: Mapping[str, Score] | None = None
    agreement: float | None = None
    divergence: float | None = None
    gap_closed: float | None = None
    gap_closed_low: float | None = None
    gap_closed_high: float | None = None
    over_teacher: float | None = None
    over_teacher_low: float | None = None
    over_teacher_high: float | None = None
    load_ms: float | None = None
    first_call_ms: float | None = None
    load_peak_memory_bytes: int | None = None
    inference_peak_memory_bytes: int | None = None
    device_memory_bytes: int | None = None
    energy_mj_per_text: float | None = None
    latency_p50_ms: float | None = None
    latency_p50_low_ms: float | None = None
    latency_p50_high_ms: float | None = None
    latency_p90_ms: float | None = None
    latency_p99_ms: float | None = None
    latency_p999_ms: float | None = None
    cuda_events_p50_ms: float | None = None
    texts_per_second: float | None = None
    texts_per_second_low: float | None = None
    texts_per_second_high: float | None = None
    batch_size: int | None = None
    end_to_end_latency_p50_ms: float | None = None
    end_to_end_latency_p50_low_ms: float | None = None
    end_to_end_latency_p50_high_ms: float | None = None
    end_to_end_latency_p90_ms: float | None = None
    end_to_end_latency_p99_ms: float | None = None
    end_to_end_latency_p999_ms: float | None = None
    end_to_end_texts_per_second: float | None = None
    end_to_end_texts_per_second_low: float | None = None
    end_to_end_texts_per_second_high: float | None = None
    end_to_end_batch_size: int | None = None
    server_texts_per_second: float | None = None
    server_p99_ms: float | None = None
    server_bound_ms: float | None = None
    sweep: tuple[SweepPoint, ...] | None = None
    speedup: float | None = None
    speedup_best_export: float | None = None
    end_to_end_speedup: float | None = None
    batched_speedup: float | None = None
    speedup_128_tokens: float | None = None
    inter_op_threads: int | None = None
    spinning: bool | None = None
    provider: str | None = None
    affinity: tuple[int, ...] | None = None
    noise: str | None = None
    busy_cores_before: float | None = None
    busy_cores_during: float | None = None
    stolen_share: float | None = None
    measured_at: str | None = None
    model_size_bytes: int | None = None
    export_setting: str | None = None
    export_failed_settings: tuple[str, ...] | None = None
    export_seconds: float | None = None
    export_peak_memory_bytes: int | None = None
    bundle: str | None = None
    modality: str = "text"
    reading: str | None = None
    training_seconds: float | None = None
    validation_score: float | None = None
    cascade: Cascade | None = None
    without_near_duplicates: Mapping[str, float] | None = None
    slowdown: float | None = None
    launches: tuple[Launch, ...] | None = None

    @property
    def is_taught(self) -> bool:
        """Whether the model learned from a teacher, and not from labels alone."""
        return self.objective not in (None, ALONE)

    @property
    def student(self) -> str:
        """The model's title without what it was trained for: the same for all objectives of a student."""
        return self.model.removesuffix(f" {self.objective_title}")

    @property
    def headline_metric(self) -> Metric:
        """The metric by which files of this task are compared."""
        return task_of(self.task).headline

    @property
    def headline(self) -> Score | None:
        """The headline on the test rows; none for a row without quality."""
        return self.score(self.headline_metric.name)

    def score(self, metric: str) -> Score | None:
        """A metric of the task by its name; none where it was not computed."""
        if self.scores and metric in self.scores:
            return self.scores[metric]
        value = getattr(self, metric, None)
        if value is None:
            return None
        return Score(value=value, low=getattr(self, f"{metric}_low", None), high=getattr(self, f"{metric}_high", None))


def check_row(row: Row) -> None:
    """Raise ValueError where a row says what none can, or holds more or less than one figure for each label."""
    if row.status not in STATES or row.role not in ROLES or row.modality not in MODALITIES:
        raise ValueError(f"a row has status '{row.status}', role '{row.role}' and modality '{row.modality}'")
    # Runs of before rows had label names have figures for each label all the same.
    by_label = (row.label_names, row.f1_per_class, row.confusion_matrix, row.label_counts)
    count = next((len(values) for values in by_label if values is not None), 0)
    if row.f1_per_class is not None and len(row.f1_per_class) != count:
        raise ValueError(f"{len(row.f1_per_class)} figures stand for {count} labels")
    for name, width in (("confusion_matrix", count), ("label_counts", 3)):
        counts = getattr(row, name)
        if counts is not None and (len(counts) != count or any(len(line) != width for line in counts)):
            raise ValueError(f"{name} is not {count} x {width}")


@dataclass(frozen=True, kw_only=True)
class Group:
    """The same model in the same format over all seeds: means, the spread over seeds, and the gap closed.

    `headline` is that of the task; `headline_low` and `headline_high` are the 95 % t-interval of its mean over seeds.
    In a run file these four carry the metric's name, as macro_f1, macro_f1_spread and so on.
    """

    model: str
    role: str
    architecture: str
    objective_title: str | None
    transfer_rows: int | None
    format: str
    seeds: int
    headline: float
    headline_spread: float | None
    headline_low: float | None
    headline_high: float | None
    accuracy: float | None
    gap_closed: float | None
    gap_closed_low: float | None
    gap_closed_high: float | None
    task: str = "single-label"

    @property
    def headline_metric(self) -> Metric:
        """The metric by which files of this task are compared."""
        return task_of(self.task).headline
