"""The whole way of the data, from a recipe to measured files. Each step's result is stored and never made twice."""

from collections.abc import Iterator
from dataclasses import replace

from bench.recipe.cell import Cell
from bench.steps.answering.answers import with_answers
from bench.steps.answering.given import given_teacher
from bench.steps.cascade import find_thresholds
from bench.steps.export import export_model
from bench.steps.knowledge import label, taught_rows
from bench.steps.leaks.find import find_leaks
from bench.steps.measure import File, measure
from bench.steps.models import Measured, Model
from bench.steps.peer import PEER_FORMAT, train_peer
from bench.steps.sources import describe_sources
from bench.steps.split import check_transfer, split
from bench.steps.students.reading import choose_reading, reading_cells
from bench.steps.students.side_by_side import as_in_its_process, train_side_by_side
from bench.steps.students.student import train_student
from bench.steps.students.vocabulary import build_vocabulary
from bench.steps.teacher import find_teacher_weights, train_teacher
from bench.steps.training import CellFailed
from bench.steps.workplace import SeedPlace, Workplace
from materials.licences import commerce_notice
from materials.weights import WeightsFolder


def run_pipeline(work: Workplace) -> tuple[list[Model], list[Measured]]:
    """Train, export and measure everything in the recipe, one seed after the other."""
    weights = find_teacher_weights(work)
    if notice := commerce_notice(describe_sources(work.recipe)):
        work.screen.notice(notice)
    models: list[Model] = []
    measured: list[Measured] = []
    for number, seed in enumerate(work.recipe.seeds):
        models_of_seed = list(_models(work, weights, seed))
        models += models_of_seed
        files = [
            File(model=model, format=format, timed=model.is_timed and number < work.recipe.speed_seeds)
            for model in models_of_seed
            for format in model.bundles
        ]
        measured += measure(work, files)
    return models, measured


def taught_place(work: Workplace, weights: WeightsFolder, seed: int) -> tuple[SeedPlace, Model]:
    """What students of one seed learn from: the rows, labelled by the teacher, and the teacher with its files."""
    place = SeedPlace(work=work, weights=weights, seed=seed, splits=split(work, weights, seed))
    check_transfer(work, place.splits)
    find_leaks(work, place.rows, seed)
    teacher = given_teacher(place) if work.recipe.teacher.is_given else _teacher(place)
    teacher = replace(teacher, knowledge=label(place, teacher))
    place = with_answers(place.taught_by(teacher))
    return place, replace(teacher, splits=place.splits)


def _models(work: Workplace, weights: WeightsFolder, seed: int) -> Iterator[Model]:
    """The teacher, a student for each cell, and the peers of one seed."""
    place, teacher = taught_place(work, weights, seed)
    yield teacher
    if work.recipe.teacher.refine:
        yield _plain_teacher(place)
    cells = [cell for cell in work.recipe.cells() if cell.seed == seed]
    readers_of_one_way = [cell for cell in cells if not cell.student.or_else]
    train_side_by_side(place, [*reading_cells(place), *readers_of_one_way], jobs=work.jobs)
    students = {student.title: choose_reading(place, student) for student in work.recipe.students}
    cells = [replace(cell, student=students[cell.student.title]) for cell in cells]
    train_side_by_side(place, cells, jobs=work.jobs)
    for cell in cells:
        yield _student(place, cell)
    for peer in work.recipe.peers:
        yield _peer(place, peer)


def _teacher(place: SeedPlace) -> Model:
    """The trained or zero-shot teacher and its files."""
    model = Model(title="teacher", role="teacher", seed=place.seed, splits=place.splits)
    trained = replace(model, checkpoint=train_teacher(place))
    return export_model(place, trained, place.work.recipe.teacher.formats)


def _plain_teacher(place: SeedPlace) -> Model:
    """The zero-shot teacher before it is refined, beside which the refined one stands in the table."""
    plain = place.with_plain_teacher()
    model = Model(title="teacher, plain", role="plain teacher", seed=place.seed, splits=place.splits, is_timed=False)
    return export_model(plain, replace(model, checkpoint=train_teacher(plain)), ["eager"])


def _student(place: SeedPlace, cell: Cell) -> Model:
    """The trained and exported student of a cell, or why there is none: that ends the cell, not the run."""
    model = Model(title=cell.title, role="student", seed=cell.seed, splits=place.splits, cell=cell)
    try:
        vocabulary = build_vocabulary(place, cell.student)
        with as_in_its_process(place.work.jobs):
            checkpoint = train_student(place, cell, vocabulary)
        model = model.trained(checkpoint, rows=len(taught_rows(place, cell.objective)))
    except CellFailed as failure:
        place.work.screen.notice(f"{cell.title}, seed {cell.seed}: {failure}")
        return model.failed(str(failure))
    model = export_model(place, model, place.work.recipe.formats if cell.objective.exported else ())
    return replace(model, thresholds=find_thresholds(place, model))


def _peer(place: SeedPlace, name: str) -> Model:
    """The trained peer, which its library writes as a bundle at once, or why there is none."""
    model = Model(title=name, role="peer", seed=place.seed, splits=place.splits)
    try:
        return model.exported({PEER_FORMAT: train_peer(place, name)})
    except CellFailed as failure:
        place.work.screen.notice(f"{name}, seed {place.seed}: {failure}")
        return model.failed(str(failure))
