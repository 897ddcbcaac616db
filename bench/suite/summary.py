"""What the runs of a recipe's tasks came to together: scores, the ratio of distillation, and what files cost."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from bench.recipe.sweep import objectives_of
from bench.recipe.tasks import OF_A_CLASS
from bench.record.row import Row
from bench.record.run_file import Run, read_run
from bench.reports.report import main_format
from bench.scores.quality import SMALLEST_GAP
from materials.errors import RequestError
from materials.files import write_json

FILE = "tasks.json"
TEACHER, EAGER = "teacher", "eager"


@dataclass(frozen=True, kw_only=True)
class TaskSummary:
    """A task by the name of its run's folder, and the names of its metrics."""

    name: str
    metrics: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ModelSummary:
    """A model over all tasks, in the students' main format.

    `scores` are shares by task, metric and seed. `ratios` say by task how much of the way from the student alone to the
    teacher is closed, where the teacher is at least a point above; `seed_ratios` are the mean over these tasks by seed.
    `speedups` are, by task, those of the model alone in batches over its teacher in the same format, and
    `best_speedups` those of its fastest file, text by text, over the eager teacher. `megabytes` are by task.
    """

    title: str
    student: str | None
    scores: Mapping[str, Mapping[str, Mapping[int, float]]]
    ratios: Mapping[str, float]
    seed_ratios: Mapping[int, float]
    speedups: Mapping[str, float]
    best_speedups: Mapping[str, float]
    megabytes: Mapping[str, float]

    def score(self, task: str) -> float | None:
        """The mean of a task's metrics over its seeds; none where the model failed."""
        return mean(mean(seeds.values()) for seeds in self.scores[task].values()) if task in self.scores else None


@dataclass(frozen=True, kw_only=True)
class Summary:
    """All tasks of a recipe that were run, and all models."""

    recipe: str
    format: str
    batch_size: int | None
    tasks: tuple[TaskSummary, ...]
    models: tuple[ModelSummary, ...]


def summarise(recipe: str, metrics: Mapping[str, Sequence[str]], output: Path) -> Summary:
    """The summary of runs in folders below `output` that are named as their tasks, whose metrics are given."""
    runs = {name: read_run(output / name) for name in metrics}
    formats = {main_format(run) for run in runs.values()}
    if len(formats) > 1:
        raise RequestError(f"the runs below {output} were exported to other formats: {', '.join(sorted(formats))}")
    (format,) = formats
    found = {name: dict(_models(run, format, metrics[name])) for name, run in runs.items()}
    keys = list(dict.fromkeys(key for models in found.values() for key in models))
    batch_sizes = {row.batch_size for run in runs.values() for row in run.rows if row.batch_size}
    return Summary(
        recipe=recipe,
        format=format,
        batch_size=min(batch_sizes, default=None),
        tasks=tuple(TaskSummary(name=name, metrics=tuple(metrics[name])) for name in metrics),
        models=tuple(_joined(key, found) for key in keys),
    )


def save_summary(summary: Summary, output: Path) -> None:
    """Write tasks.json."""
    write_json(output / FILE, asdict(summary))


def load_summary(output: Path) -> Summary | None:
    """Read tasks.json; none where there is none. Raises RequestError for a damaged one."""
    file = output / FILE
    if not file.is_file():
        return None
    try:
        record: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        tasks = tuple(TaskSummary(name=task["name"], metrics=tuple(task["metrics"])) for task in record["tasks"])
        models = tuple(ModelSummary(**model) for model in record["models"])
        return Summary(**{**record, "tasks": tasks, "models": models})
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise RequestError(f"{file} is damaged ({type(error).__name__}: {error}); run the recipe again") from None


def runs_in(place: Path) -> list[Path]:
    """The folders of a recipe's tasks where `place` holds several, else the place itself."""
    summary = load_summary(place) if place.is_dir() else None
    return [place / task.name for task in summary.tasks] if summary else [place]


@dataclass(frozen=True, kw_only=True)
class _Of:
    """A model of one run: its rows in the main format, seed by seed, and those of all formats.

    `teachers` and `alone` are rows in the main format too, those of a teacher that has no such file eager; `alone` is
    empty for the teacher and the student alone.
    """

    rows: Sequence[Row]
    files: Sequence[Row]
    teachers: Sequence[Row]
    alone: Sequence[Row]
    metrics: Sequence[str]

    def score(self, row: Row) -> float:
        """The mean of the task's metrics."""
        return mean(_metric(row, metric) for metric in self.metrics)


Key = tuple[str | None, int]


def _models(run: Run, format: str, metrics: Sequence[str]) -> Iterator[tuple[Key, _Of]]:
    """The models by student and number of objective: titles of objectives may differ from task to task."""
    sound = [row for row in run.rows if row.status != "failed" and row.headline is not None]
    in_main = [row for row in sound if row.format == format]
    teachers = _in_format([row for row in sound if row.role == TEACHER], format)
    yield (None, 0), _Of(rows=teachers, files=[], teachers=teachers, alone=[], metrics=metrics)
    objectives = objectives_of(run.recipe or {})
    alone_titles = [objective.title for objective in objectives if objective.is_alone]
    students = list(dict.fromkeys(row.student for row in in_main if row.role == "student"))
    for student in students:
        of_student = [row for row in sound if row.role == "student" and row.student == student]
        for number, objective in enumerate(objectives):
            files = [row for row in of_student if row.objective_title == objective.title]
            rows = [row for row in files if row.format == format]
            alone = [row for row in of_student if row.objective_title in alone_titles and row.format == format]
            if rows:
                is_alone = objective.is_alone
                yield (
                    (student, number),
                    _Of(rows=rows, files=files, teachers=teachers, alone=[] if is_alone else alone, metrics=metrics),
                )


def _in_format(rows: Sequence[Row], format: str) -> list[Row]:
    return [row for row in rows if row.format == format] or [row for row in rows if row.format == EAGER]


def _joined(key: Key, found: Mapping[str, Mapping[Key, _Of]]) -> ModelSummary:
    of_tasks = {task: models[key] for task, models in found.items() if key in models and models[key].rows}
    scores = {
        task: {metric: {row.seed or 0: _metric(row, metric) for row in of.rows} for metric in of.metrics}
        for task, of in of_tasks.items()
    }
    ratios = {task: ratio for task, of in of_tasks.items() if (ratio := _ratio(of, of.rows)) is not None}
    with_ratio = {task: of_tasks[task] for task in ratios}
    first = next((of.rows[0] for of in of_tasks.values()), None)
    return ModelSummary(
        title=first.model if first else "",
        student=key[0],
        scores=scores,
        ratios=ratios,
        seed_ratios=_of_seeds(with_ratio),
        speedups=_known({task: _batched(of) for task, of in of_tasks.items()}),
        best_speedups=_known({task: _best(of) for task, of in of_tasks.items()}),
        megabytes=_known({task: _megabytes(of) for task, of in of_tasks.items()}),
    )


def _of_seeds(of_tasks: Mapping[str, _Of]) -> dict[int, float]:
    """The mean ratio over the tasks of each seed; a seed is left out where one of them has none."""
    means = {}
    for seed in sorted({row.seed or 0 for of in of_tasks.values() for row in of.rows}):
        ratios = [_ratio(of, [row for row in of.rows if (row.seed or 0) == seed]) for of in of_tasks.values()]
        known = [ratio for ratio in ratios if ratio is not None]
        if len(known) == len(ratios):
            means[seed] = mean(known)
    return means


def _ratio(of: _Of, rows: Sequence[Row]) -> float | None:
    """The share of the gap between the student alone and the teacher that is closed, on means over the rows' seeds."""
    seeds = {row.seed for row in rows}
    teachers = [of.score(row) for row in of.teachers if row.seed in seeds]
    alone = [of.score(row) for row in of.alone if row.seed in seeds]
    if not rows or not teachers or not alone or mean(teachers) - mean(alone) < SMALLEST_GAP:
        return None
    return (mean(of.score(row) for row in rows) - mean(alone)) / (mean(teachers) - mean(alone))


def _metric(row: Row, metric: str) -> float:
    """A metric of a row. Raises RequestError for one that it does not have."""
    if metric.startswith(OF_A_CLASS):
        names, name = row.label_names or (), metric.removeprefix(OF_A_CLASS)
        if name not in names or row.f1_per_class is None:
            raise RequestError(f"there is no class '{name}' for the metric '{metric}'; it has {', '.join(names)}")
        return row.f1_per_class[names.index(name)]
    score = row.score(metric)
    if score is None:
        raise RequestError(f"a task of the kind {row.task} has no metric '{metric}'")
    return score.value


def _batched(of: _Of) -> float | None:
    own = next((row for row in of.rows if row.texts_per_second), None)
    teacher = next((row for row in of.teachers if row.texts_per_second), None)
    if own is None or teacher is None or own is teacher or own.format != teacher.format:
        return None
    return (own.texts_per_second or 0.0) / (teacher.texts_per_second or 1.0)


def _best(of: _Of) -> float | None:
    return max((row.speedup for row in of.files if row.speedup), default=None)


def _megabytes(of: _Of) -> float | None:
    size = next((row.size_bytes for row in of.rows if row.size_bytes), None)
    return size / 1e6 if size else None


def _known(values: Mapping[str, float | None]) -> dict[str, float]:
    return {name: value for name, value in values.items() if value is not None}
