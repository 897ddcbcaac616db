"""Times a zero-shot teacher and a student with different numbers of class names, file by file."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.harness.isolation import measure_in_fresh_process
from bench.harness.measurement import read_measurement
from bench.harness.workload import Workload
from bench.record.machine import describe_machine, package_versions
from bench.reports.screen import Screen
from export.exporting import ExportRequest, export_bundle, open_origin
from materials.errors import RequestError
from materials.files import cache_folder
from materials.modalities import Item
from materials.report import silent
from materials.rows import Rows
from materials.tasks import task_of
from materials.weights import find_weights

TASK = task_of("single-label")


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """What is timed: a kind of zero-shot teacher, its weights, the checkpoint of a student, and real texts."""

    architecture: str
    weights: str
    student: Path
    texts: Sequence[Item]
    counts: Sequence[int]
    batch_size: int
    threads: int
    seconds: float
    max_length_tokens: int = 64


@dataclass(frozen=True, kw_only=True)
class Point:
    """The time of one text, from text to label, with so many class names, in ms.

    Its 95 % interval is none where too few batches were timed for one.
    """

    model: str
    labels: int
    ms: float
    low_ms: float | None
    high_ms: float | None


def run_sweep(sweep: Sweep, screen: Screen) -> dict[str, object]:
    """The points of teacher and student, and on which machine they were taken.

    The teacher is its eager file and the student its ONNX file. Weights that were never trained compute at the same
    speed, so that students of any number of classes are built anew. Raises RequestError for what is no student.
    """
    points: list[Point] = []
    for count in sweep.counts:
        names = tuple(f"topic {number + 1}" for number in range(count))
        for model, format in (("teacher", "eager"), ("student", "onnx")):
            with screen.step(f"{model} with {count} class names"), TemporaryDirectory() as scratch:
                checkpoint, bundle = Path(scratch) / "checkpoint", Path(scratch) / "bundle"
                checkpoint.mkdir()
                bundle.mkdir()
                _build(sweep, model, names, checkpoint)
                _export(sweep, checkpoint, bundle, format)
                points.append(_timed(sweep, model, count, bundle, Path(scratch)))
    return {
        "points": [asdict(point) for point in points],
        "batch_size": sweep.batch_size,
        "threads": sweep.threads,
        "teacher": sweep.architecture,
        "texts": len(sweep.texts),
        "machine": describe_machine(),
        "versions": package_versions(),
    }


def _build(sweep: Sweep, model: str, names: tuple[str, ...], folder: Path) -> None:
    """A teacher for so many names, or a student with so many outputs, as a checkpoint."""
    if model == "student":
        _build_student(sweep.student, names, folder)
        return
    from teachers import TEACHERS
    from teachers.zero_shot import Question

    kind, weights = TEACHERS[sweep.architecture], find_weights(sweep.weights, cache_folder(), report=silent)
    if kind.answer is None:
        raise RequestError(f"{sweep.architecture} is no zero-shot teacher; choose one whose cost depends on its labels")
    question = Question(classes={name: (name,) for name in names}, template="This text is about {}.", task=TASK)
    kind.save(kind.answer(weights.path, question, sweep.max_length_tokens, silent), folder)


def _build_student(checkpoint: Path, names: tuple[str, ...], folder: Path) -> None:
    from tokenizers import Tokenizer

    from students import STUDENTS
    from students.checkpoint import StudentShape, build_student, save_student
    from training.model_record import read_model_record

    record = read_model_record(checkpoint)
    if record["architecture"] not in STUDENTS or STUDENTS[record["architecture"]].is_pretrained:
        raise RequestError(f"{checkpoint} holds no small student; give the eager bundle of one")
    record.pop("student_version", None)
    shape = replace(StudentShape(**{**record, "task": TASK.name, "task_settings": {}}), label_names=names)
    module = build_student(shape, vectors=None, seed=0)
    save_student(module, shape, Tokenizer.from_file(str(checkpoint / "tokenizer.json")), folder)


def _export(sweep: Sweep, checkpoint: Path, bundle: Path, format: str) -> None:
    rows = Rows(items=list(sweep.texts[:32]), targets=TASK.unlabelled(len(sweep.texts[:32]), 2))
    with open_origin(checkpoint, rows.items) as origin:
        made = export_bundle(ExportRequest(origin=origin, rows=rows), format, bundle)
    if made.parity["status"] == "failed":
        raise RequestError(f"the {format} file failed its gate: {made.parity['reason']}")


def _timed(sweep: Sweep, model: str, count: int, bundle: Path, scratch: Path) -> Point:
    workload = Workload(
        model=str(bundle),
        threads=sweep.threads,
        scenarios=("offline",),
        batch_sizes=(sweep.batch_size,),
        seconds=sweep.seconds,
    )
    folder = scratch / "measured"
    folder.mkdir()
    measure_in_fresh_process(workload, sweep.texts, folder)
    figures = read_measurement(folder).figures
    rates: list[float | None] = [figures[f"end_to_end_texts_per_second{end}"] for end in ("", "_high", "_low")]
    ms, low, high = (None if rate is None else 1000 / rate for rate in rates)
    if ms is None:
        raise RequestError(f"the {model} with {count} class names could not be timed")
    return Point(model=model, labels=count, ms=ms, low_ms=low, high_ms=high)
