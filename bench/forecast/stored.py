"""Which stages of a run are stored already, found by going its way without making anything."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from bench.forecast.parts import (
    EAGER,
    GIVEN,
    PLAIN,
    TEACHER,
    Part,
    bundles_of,
    cells_of,
    parts_of,
    student_parts,
)
from bench.recipe.cell import Cell
from bench.recipe.objective import Objective
from bench.recipe.recipe import Recipe
from bench.recipe.recipe_student import FROM_TEACHER
from bench.reports.screen import Screen
from bench.steps.answering.answers import with_answers
from bench.steps.answering.given import given_teacher
from bench.steps.cascade import find_thresholds
from bench.steps.export import export_model, possible_formats
from bench.steps.knowledge import label
from bench.steps.leaks.find import find_leaks
from bench.steps.measure import File, measure
from bench.steps.models import Model
from bench.steps.peer import PEER_FORMAT, train_peer
from bench.steps.split import split_stage
from bench.steps.students.reading import choose_reading
from bench.steps.students.student import train_student
from bench.steps.students.vocabulary import build_vocabulary
from bench.steps.teacher import find_teacher_weights, train_teacher
from bench.steps.workplace import SeedPlace, Workplace
from materials.archives import is_fetched
from materials.catalogue import WEIGHTS
from materials.hub_files import is_on_hub
from materials.report import silent
from materials.rows import Splits
from materials.stages import Stage, StageStore
from materials.weights import UNTRAINED, WeightsFolder, find_weights

Result = TypeVar("Result")


@dataclass(kw_only=True)
class Stored:
    """The stages that are there, and the splits of the first seed where they are."""

    parts: set[Part] = field(default_factory=set)
    splits: Splits | None = None


def weights_at_hand(name: str, root: Path) -> WeightsFolder | None:
    """Pretrained weights that are on this machine; none where they must be fetched."""
    if name in WEIGHTS:
        return find_weights(name, root, report=silent) if is_fetched(WEIGHTS[name].archive, root) else None
    if name == UNTRAINED or Path(name).is_dir():
        return find_weights(name, root, report=silent)
    return None


def names_of_weights(recipe: Recipe) -> list[str]:
    """The pretrained weights that a run needs, but for a file of answers."""
    teacher = recipe.teacher
    names = [] if teacher.is_given else [teacher.weights]
    names += [teacher.embeddings] if teacher.borrows_embeddings else []
    bodies = [student.weights for student in recipe.students if student.is_pretrained]
    return list(dict.fromkeys([*names, *(name for name in bodies if name != FROM_TEACHER)]))


def find_stored(work: Workplace, *, fetches: bool) -> Stored:
    """What of a run is there. Nothing is, where weights must be fetched first: their digest is a part of all keys.

    Files on the Hub are asked for only where the run `fetches` them anyway.
    """
    found, data = Stored(), work.recipe.data
    names = [name for name in (data.train, data.validation, data.test, data.transfer) if name]
    if any(map(is_on_hub, names)) and not fetches:
        return found
    looking = replace(work, store=_Looking.at(work.store), screen=_Silent())
    if all(weights_at_hand(name, work.root) for name in names_of_weights(work.recipe)):
        weights = find_teacher_weights(looking)
        for seed in work.recipe.seeds:
            _Walk(looking, weights, seed, found).go()
    return found


class _NotStored(Exception):
    """A stage would have to be made."""


class _Looking(StageStore):
    """A store in which nothing is made."""

    @classmethod
    def at(cls, store: StageStore) -> "_Looking":
        return cls(root=store.root, fresh=store.fresh, earlier=store.earlier)

    def get(self, stage: Stage, make: Callable[[Path], None]) -> Path:
        """The folder of a stage. Raises _NotStored where it is not there."""
        if not self.has(stage):
            raise _NotStored(stage.name)
        return self.folder(stage)


class _Silent(Screen):
    """A screen on which nothing is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.console.quiet = True


class _Walk:
    """The way through one seed; a stage that is not there ends what builds on it."""

    def __init__(self, work: Workplace, weights: WeightsFolder, seed: int, found: Stored) -> None:
        self.work, self.weights, self.seed, self.found = work, weights, seed, found
        self.teacher, self.models = Model(title=TEACHER, role="teacher", seed=seed, splits=Path()), list[Model]()

    def go(self) -> None:
        """Note all that is stored."""
        stage = split_stage(self.work, self.weights, self.seed)
        if not self.work.store.has(stage):
            return
        self._note(Part(kind="splits", seed=self.seed), Part(kind="image-check", seed=self.work.recipe.seeds[0]))
        folder = self.work.store.folder(stage)
        place = SeedPlace(work=self.work, weights=self.weights, seed=self.seed, splits=folder)
        if self.found.splits is None:
            self.found.splits = place.rows
        self._look(Part(kind="leaks", seed=self.seed), lambda: find_leaks(self.work, place.rows, self.seed))
        place = self._teacher(place)
        self.models.append(replace(self.teacher, splits=place.splits))
        for cell in cells_of(self.work.recipe, self.seed):
            self._student(place, cell)
        for peer in self.work.recipe.peers:
            bundle = self._look(self._part("peer", peer, PEER_FORMAT), partial(train_peer, place, peer))
            if bundle is not None:
                model = Model(title=peer, role="peer", seed=self.seed, splits=place.splits)
                self.models.append(model.exported({PEER_FORMAT: bundle}))
        for model in self.models:
            self._measurements(model)

    def _teacher(self, place: SeedPlace) -> SeedPlace:
        """The place with the teacher and what it labelled, as far as they are there."""
        recipe, model = self.work.recipe, replace(self.teacher, splits=place.splits)
        if recipe.teacher.is_given:
            self.teacher = self._look(self._part(GIVEN, TEACHER, GIVEN), lambda: given_teacher(place)) or model
            return self._taught(place)
        checkpoint = self._look(self._part("teacher", TEACHER), lambda: train_teacher(place))
        if checkpoint is None:
            return place
        self._note(Part(kind="pixels", seed=recipe.seeds[0], title=TEACHER))
        self._note(Part(kind="features", seed=recipe.seeds[0]))
        formats = possible_formats(recipe, recipe.teacher.architecture, recipe.teacher.formats)
        self.teacher = self._exported(place, replace(model, checkpoint=checkpoint), formats)
        if recipe.teacher.refine:
            self._plain_teacher(place)
        return self._taught(place) if len(self.teacher.bundles) == len(formats) else place

    def _taught(self, place: SeedPlace) -> SeedPlace:
        """The place with what the teacher said, where it is there."""
        try:
            knowledge = label(place, self.teacher)
        except _NotStored as missing:
            if missing.args != ("labeller",):
                self._note(Part(kind="labeller", seed=self.seed))
            return place
        self._note_labelled()
        place = place.taught_by(replace(self.teacher, knowledge=knowledge))
        no_files = self.teacher.exported({})  # so that only the teacher's own outputs are asked for
        self._look(self._part("validation", TEACHER, EAGER), lambda: find_thresholds(place, no_files))
        answered = self._look(Part(kind="splits", seed=self.seed, title="answered"), lambda: with_answers(place))
        return answered or place

    def _note_labelled(self) -> None:
        """Note what is made while a teacher labels, beside its outputs."""
        self.found.parts |= {Part(kind=kind, seed=self.seed) for kind in ("labeller", "knowledge")}
        for part in parts_of(self.work.recipe):
            if part.seed == self.seed and part.title.startswith("teacher without fold"):
                self._note(part)

    def _plain_teacher(self, place: SeedPlace) -> None:
        plain = place.with_plain_teacher()
        checkpoint = self._look(self._part("teacher", PLAIN), lambda: train_teacher(plain))
        if checkpoint is not None:
            model = Model(title=PLAIN, role="plain teacher", seed=self.seed, splits=place.splits, is_timed=False)
            self.models.append(self._exported(plain, replace(model, checkpoint=checkpoint), [EAGER]))

    def _student(self, place: SeedPlace, cell: Cell) -> None:
        """Note a student, by the way of reading that validation rows chose where all ways are trained."""
        recipe, first, real = self.work.recipe, cell, cell
        formats = bundles_of(recipe, cell)
        (student,) = [student for student in recipe.students if student.title == cell.student.title]
        if formats or cell.objective != Objective(name="hard"):
            with suppress(_NotStored):
                real = replace(cell, student=choose_reading(place, student))
        try:
            vocabulary = build_vocabulary(place, real.student)
        except _NotStored:
            return
        self._note(*(part for part in student_parts(recipe, first) if part.kind == "vocabulary"))
        part = Part(kind="student", seed=self.seed, title=first.title, reading=first.student.reading)
        checkpoint = self._look(part, lambda: train_student(place, real, vocabulary))
        if checkpoint is None:
            return
        self._note(*(part for part in student_parts(recipe, first) if part.kind in ("vectors", "pixels")))
        model = Model(title=first.title, role="student", seed=self.seed, splits=place.splits, cell=real)
        model = self._exported(place, replace(model, checkpoint=checkpoint), formats)
        self.models.append(model)
        for format, bundle in model.bundles.items():
            one = model.exported({format: bundle})
            self._look(self._part("validation", first.title, format), partial(find_thresholds, place, one))

    def _exported(self, place: SeedPlace, model: Model, formats: Sequence[str]) -> Model:
        """The model with those of its files that are there."""
        bundles = {}
        for format in formats:
            part = self._part("bundle", model.title, format)
            exported = self._look(part, partial(export_model, place, model, [format]))
            if exported is not None:
                bundles[format] = exported.bundles[format]
        return model.exported(bundles)

    def _measurements(self, model: Model) -> None:
        """Note the launches of the files that are there; a file is taken as one, whichever launch is missing."""
        recipe = self.work.recipe
        timed = model.is_timed and recipe.seeds.index(self.seed) < recipe.speed_seeds
        for format in model.bundles:
            is_timed = timed and format != GIVEN
            try:
                measure(self.work, [File(model=model, format=format, timed=timed)])
            except _NotStored:
                continue
            part = self._part("measurement", model.title, format)
            for launch in range(recipe.measuring.launches):
                self._note(replace(part, launch=launch, timed=is_timed))

    def _part(self, kind: str, title: str, format: str = "") -> Part:
        return Part(kind=kind, seed=self.seed, title=title, format=format)

    def _note(self, *parts: Part) -> None:
        self.found.parts |= set(parts)

    def _look(self, part: Part, find: Callable[[], Result]) -> Result | None:
        """What is found, and its part noted; none where it is not stored."""
        try:
            result = find()
        except _NotStored:
            return None
        self._note(part)
        return result
