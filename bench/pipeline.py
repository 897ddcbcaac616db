"""The whole way of the data, from a recipe to measured bundles. Each step's result is stored and never made twice."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.data_steps import build_vocabulary, describe_sources, find_teacher_weights, split
from bench.export_steps import export, label
from bench.measure_step import Measurement, measure
from bench.recipe import Objective, Student
from bench.training_steps import train_student, train_teacher
from bench.workplace import Workplace
from materials.weights import WeightsFolder


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One bundle of a run: which model it is, where its files are, and what was measured or why that failed."""

    model: str
    role: str
    student: Student | None
    objective: Objective | None
    seed: int
    format: str
    splits: Path
    logits: Path
    bundle: Path
    measurement: Measurement | str


@dataclass(frozen=True, kw_only=True)
class Model:
    """A trained checkpoint before it is exported; student and objective are none for the teacher."""

    title: str
    checkpoint: Path
    formats: tuple[str, ...]
    student: Student | None = None
    objective: Objective | None = None


def run_pipeline(work: Workplace) -> list[Cell]:
    """Train, export and measure everything in the recipe, one seed after the other."""
    weights = find_teacher_weights(work)
    return [cell for number, seed in enumerate(work.recipe.seeds) for cell in _run_seed(work, weights, number, seed)]


def _run_seed(work: Workplace, weights: WeightsFolder, number: int, seed: int) -> Iterator[Cell]:
    recipe = work.recipe
    splits = split(work, weights, seed)
    teacher = Model(
        title="teacher", checkpoint=train_teacher(work, weights, splits, seed), formats=recipe.teacher.formats
    )
    teacher_bundles = _export(work, weights, teacher, splits, seed)
    logits = label(work, splits, teacher.checkpoint, list(teacher_bundles.values()), seed)

    bundles = [(teacher, teacher_bundles)]
    for student in recipe.students:
        vocabulary = build_vocabulary(work, splits, student.vectors)
        for objective in recipe.objectives:
            used = logits if objective.needs_teacher else None
            checkpoint = train_student(
                work, student, objective, splits=splits, vocabulary=vocabulary, logits=used, seed=seed
            )
            title = f"{student.title} {objective.title}"
            model = Model(
                title=title, checkpoint=checkpoint, formats=recipe.formats, student=student, objective=objective
            )
            bundles.append((model, _export(work, weights, model, splits, seed)))

    for model, by_format in bundles:
        for format, bundle in by_format.items():
            speed = number < recipe.speed_seeds
            title = f"{model.title} as {format}, seed {seed}"
            yield Cell(
                model=model.title,
                role="student" if model.student else "teacher",
                student=model.student,
                objective=model.objective,
                seed=seed,
                format=format,
                splits=splits,
                logits=logits,
                bundle=bundle,
                measurement=measure(work, bundle, splits=splits, speed=speed, title=title),
            )


def _export(work: Workplace, weights: WeightsFolder, model: Model, splits: Path, seed: int) -> dict[str, Path]:
    licences = {work.recipe.teacher.weights: weights.licence, **describe_sources(work, model.student)}
    made = {"recipe": work.recipe.name, "model": model.title, "seed": seed}
    return {
        format: export(work, model.checkpoint, format, splits=splits, made=made, licences=licences)
        for format in model.formats
    }
