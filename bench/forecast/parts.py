"""The stages of a run in the order in which they are made, as far as the recipe alone tells them."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from bench.recipe.cell import Cell
from bench.recipe.objective import Objective
from bench.recipe.recipe import Recipe
from bench.recipe.recipe_student import FROM_TEACHER, Student
from bench.steps.export import possible_formats
from bench.steps.peer import PEER_FORMAT
from bench.steps.students.vocabulary import vocabulary_key

TEACHER, PLAIN = "teacher", "teacher, plain"
GIVEN, EAGER = "answers", "eager"
REPORT = "report"


@dataclass(frozen=True, kw_only=True)
class Part:
    """One stage: its kind, the seed, the title of its model, the format of its file, and which launch of that it is.

    `cell` is that of a student and of its files, and `reading` how a student reads that is trained. A launch that is
    not `timed` computes outputs alone.
    """

    kind: str
    seed: int
    title: str = ""
    format: str = ""
    launch: int = 0
    reading: str | None = None
    cell: Cell | None = field(default=None, compare=False)
    timed: bool = False


def parts_of(recipe: Recipe) -> list[Part]:
    """All stages of a run, none taken from the store; last its report, which is none but takes its time."""
    parts = [part for number, seed in enumerate(recipe.seeds) for part in _of_seed(recipe, number, seed)]
    return [*dict.fromkeys(parts), Part(kind=REPORT, seed=recipe.seeds[0])]


def cells_of(recipe: Recipe, seed: int) -> list[Cell]:
    """The cells of a seed, and before them those by which a student's way of reading is chosen."""
    chosen = [
        Cell(student=candidate, objective=Objective(name="hard"), seed=seed)
        for student in recipe.students
        if student.or_else
        for candidate in student.candidates()
    ]
    cells = [
        Cell(student=first_reading(student), objective=objective, seed=seed)
        for student in recipe.students
        for objective in recipe.swept_objectives
    ]
    return list({(cell.title, cell.student.reading): cell for cell in [*chosen, *cells]}.values())


def first_reading(student: Student) -> Student:
    """The student with its first way of reading, which stands for the one that will be chosen."""
    return student.candidates()[0]


def bundles_of(recipe: Recipe, cell: Cell) -> list[str]:
    """The formats that a cell is exported to; none for one that is trained for the choice of a reading alone."""
    is_own = cell.objective in recipe.swept_objectives and cell.student in map(first_reading, recipe.students)
    if not is_own or not cell.objective.exported:
        return []
    return possible_formats(recipe, cell.student.architecture, recipe.formats)


def student_parts(recipe: Recipe, cell: Cell) -> Iterator[Part]:
    """The stages of a cell up to its files, with those that it shares with others."""
    student, first_seed = cell.student, recipe.seeds[0]
    if student.modalities == ("image",):
        if not student.is_pretrained:
            yield Part(kind="pixels", seed=first_seed, title=str(student.image_size))
    elif not student.is_pretrained:
        seed = first_seed if student.tokenizer == "teacher" else cell.seed
        yield Part(kind="vocabulary", seed=seed, title=str(vocabulary_key(student)))
        if student.vectors == FROM_TEACHER:
            yield Part(kind="vectors", seed=seed, title=f"{student.tokenizer} {student.dimensions}")
    yield Part(kind="student", seed=cell.seed, title=cell.title, reading=student.reading, cell=cell)
    for format in bundles_of(recipe, cell):
        yield Part(kind="bundle", seed=cell.seed, title=cell.title, format=format, cell=cell)
    if recipe.task.has_names:
        for format in bundles_of(recipe, cell):
            yield Part(kind="validation", seed=cell.seed, title=cell.title, format=format, cell=cell)


def _of_seed(recipe: Recipe, number: int, seed: int) -> Iterator[Part]:
    """The stages of one seed; what seeds share bears the first one's number."""
    if recipe.modality == "image":
        yield Part(kind="image-check", seed=recipe.seeds[0])
    yield Part(kind="splits", seed=seed)
    yield Part(kind="leaks", seed=seed)
    files = list(_teacher_parts(recipe, seed))
    yield from files
    cells = cells_of(recipe, seed)
    if recipe.task.has_names and not recipe.teacher.is_given and any(bundles_of(recipe, cell) for cell in cells):
        yield Part(kind="validation", seed=seed, title=TEACHER, format=EAGER)
    for cell in cells:
        yield from student_parts(recipe, cell)
    yield from (Part(kind="peer", seed=seed, title=peer, format=PEER_FORMAT) for peer in recipe.peers)
    if recipe.is_label_free:
        yield Part(kind="splits", seed=seed, title="answered")
    is_timed = number < recipe.speed_seeds
    of_teacher = [part.format for part in files if part.kind in ("bundle", GIVEN) and part.title == TEACHER]
    yield from _measurements(recipe, TEACHER, seed, of_teacher, is_timed and not recipe.teacher.is_given)
    if recipe.teacher.refine:
        yield from _measurements(recipe, PLAIN, seed, [EAGER], False)
    for cell in cells:
        yield from _measurements(recipe, cell.title, seed, bundles_of(recipe, cell), is_timed, cell)
    for peer in recipe.peers:
        yield from _measurements(recipe, peer, seed, [PEER_FORMAT], is_timed)


def _teacher_parts(recipe: Recipe, seed: int) -> Iterator[Part]:
    teacher = recipe.teacher
    if teacher.is_given:
        yield Part(kind=GIVEN, seed=seed, title=TEACHER, format=GIVEN)
        yield Part(kind="knowledge", seed=seed)
        return
    formats = possible_formats(recipe, teacher.architecture, teacher.formats)
    if recipe.modality == "image":
        yield Part(kind="pixels", seed=recipe.seeds[0], title=TEACHER)
        if teacher.frozen and not teacher.varied:
            yield Part(kind="features", seed=recipe.seeds[0])
    yield Part(kind="teacher", seed=seed, title=TEACHER)
    yield from (Part(kind="bundle", seed=seed, title=TEACHER, format=format) for format in formats)
    yield Part(kind="labeller", seed=seed)
    for fold in range(teacher.folds or 0):
        title = f"teacher without fold {fold + 1}"
        yield Part(kind="fold", seed=seed, title=title)
        yield Part(kind="teacher", seed=seed, title=title)
        yield from (Part(kind="bundle", seed=seed, title=title, format=format) for format in formats[:2])
    yield Part(kind="knowledge", seed=seed)
    if teacher.refine:
        yield Part(kind="teacher", seed=seed, title=PLAIN)
        yield Part(kind="bundle", seed=seed, title=PLAIN, format=EAGER)


def _measurements(
    recipe: Recipe, title: str, seed: int, formats: list[str], timed: bool, cell: Cell | None = None
) -> Iterator[Part]:
    for format in formats:
        for launch in range(recipe.measuring.launches if timed else 1):
            yield Part(kind="measurement", seed=seed, title=title, format=format, launch=launch, cell=cell, timed=timed)
