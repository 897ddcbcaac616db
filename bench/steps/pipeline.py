"""The whole way of the data, from a recipe to measured bundles. Each step's result is stored and never made twice."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.recipe.objective import Objective
from bench.recipe.recipe import Student
from bench.steps.data import check_transfer, describe_sources, find_teacher_weights, split
from bench.steps.export import export, label, possible_formats
from bench.steps.measure import Measurement, measure
from bench.steps.peer import PEER_FORMAT, train_peer
from bench.steps.taught_rows import taught_rows
from bench.steps.training import train_student, train_teacher
from bench.steps.vocabulary import build_vocabulary
from bench.steps.workplace import Workplace
from materials.licences import commerce_notice, source_name
from materials.splits.split import load_splits
from materials.weights import WeightsFolder


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One bundle of a run: which model it is, where its files are, and what was measured or why that failed."""

    model: str
    role: str
    student: Student | None
    objective: Objective | None
    transfer_rows: int | None
    seed: int
    format: str
    splits: Path
    logits: Path
    bundle: Path
    measurement: Measurement | str


@dataclass(frozen=True, kw_only=True)
class Model:
    """A trained model and its bundles by format; student and objective are none for the teacher and for peers.

    Peers have no checkpoint: their libraries write a bundle at once. A model that is not exported has no bundles.
    """

    title: str
    role: str
    seed: int
    splits: Path
    bundles: Mapping[str, Path]
    checkpoint: Path | None = None
    student: Student | None = None
    objective: Objective | None = None
    transfer_rows: int | None = None


def run_pipeline(work: Workplace) -> tuple[list[Model], list[Cell]]:
    """Train, export and measure everything in the recipe, one seed after the other."""
    weights = find_teacher_weights(work)
    if notice := commerce_notice(describe_sources(work, None)):
        work.screen.notice(notice)
    models: list[Model] = []
    cells: list[Cell] = []
    for number, seed in enumerate(work.recipe.seeds):
        made, measured = _run_seed(work, weights, seed, speed=number < work.recipe.speed_seeds)
        models += made
        cells += measured
    return models, cells


def _run_seed(work: Workplace, weights: WeightsFolder, seed: int, *, speed: bool) -> tuple[list[Model], list[Cell]]:
    recipe = work.recipe
    splits = split(work, weights, seed)
    check_transfer(work, splits)
    teacher = train_teacher(work, weights, splits, seed)
    exported = _export(work, weights, teacher, recipe.teacher.formats, title="teacher", splits=splits, seed=seed)
    logits = label(work, splits, teacher, exported, seed)
    models = [
        Model(title="teacher", role="teacher", seed=seed, splits=splits, checkpoint=teacher, bundles=exported),
        *_train_students(work, weights, splits=splits, teacher=teacher, logits=logits, seed=seed),
    ]
    for peer in recipe.peers:
        bundles = {PEER_FORMAT: train_peer(work, weights, splits, peer, seed)}
        models.append(Model(title=peer, role="peer", seed=seed, splits=splits, bundles=bundles))

    cells = [
        Cell(
            model=model.title,
            role=model.role,
            student=model.student,
            objective=model.objective,
            transfer_rows=model.transfer_rows,
            seed=seed,
            format=format,
            splits=splits,
            logits=logits,
            bundle=bundle,
            measurement=measure(
                work, bundle, splits=splits, speed=speed, title=f"{model.title} as {format}, seed {seed}"
            ),
        )
        for model in models
        for format, bundle in model.bundles.items()
    ]
    return models, cells


def _train_students(
    work: Workplace, weights: WeightsFolder, *, splits: Path, teacher: Path, logits: Path, seed: int
) -> Iterator[Model]:
    loaded = load_splits(splits)
    for student in work.recipe.students:
        vocabulary = build_vocabulary(work, weights, splits, student)
        for objective in work.recipe.objectives:
            title = f"{student.title} {objective.title}"
            own_logits = logits if objective.needs_teacher else None
            checkpoint = train_student(
                work,
                student,
                objective,
                splits=splits,
                vocabulary=vocabulary,
                teacher=teacher,
                logits=own_logits,
                seed=seed,
            )
            formats = work.recipe.formats if objective.exported else ()
            exported = _export(
                work, weights, checkpoint, formats, title=title, splits=splits, seed=seed, student=student
            )
            yield Model(
                title=title,
                role="student",
                seed=seed,
                splits=splits,
                checkpoint=checkpoint,
                bundles=exported,
                student=student,
                objective=objective,
                transfer_rows=len(taught_rows(work.recipe, loaded, objective=objective, logits=own_logits, seed=seed)),
            )


def _export(
    work: Workplace,
    weights: WeightsFolder,
    checkpoint: Path,
    formats: Sequence[str],
    *,
    title: str,
    splits: Path,
    seed: int,
    student: Student | None = None,
) -> dict[str, Path]:
    licences = {source_name(work.recipe.teacher.weights): weights.licence, **describe_sources(work, student)}
    made = {"recipe": work.recipe.name, "model": title, "seed": seed}
    possible = possible_formats(student.architecture if student else work.recipe.teacher.architecture, formats)
    return export(work, checkpoint, possible, splits=splits, made=made, licences=licences)
