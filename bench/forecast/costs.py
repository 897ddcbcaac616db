"""What each stage of a run takes, from the numbers of rows and the speed of its models."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from statistics import mean

from bench.forecast.files import FILES, export_seconds, measuring_seconds, size_bytes
from bench.forecast.parts import GIVEN, TEACHER, Part
from bench.forecast.probe import Speed
from bench.forecast.rows import RowCounts
from bench.forecast.spans import Span
from bench.forecast.stand_ins import own_words
from bench.recipe.cell import Cell
from bench.recipe.objective import Objective
from bench.recipe.recipe import Recipe
from bench.recipe.recipe_student import Student
from bench.steps.export import possible_formats
from bench.steps.students.settings import settings_for
from export.formats import EXPORTERS
from export.labelling import COMMON_BATCH, COMMON_LENGTH, JUDGED_ROWS, SAMPLE_ROWS

# Fixed seconds and those a row, on the machine of `files`; a peer is not probed, and its seconds are a guess of ours.
READ_SECONDS, READ_ROW_SECONDS, LEAK_ROW_SECONDS, PIXEL_ROW_SECONDS = 2.0, 2e-5, 2e-5, 2e-3
START_SECONDS, STUDENT_SECONDS, ENCODE_ROW_SECONDS, REPORT_SECONDS = 3.0, 1.0, 5e-5, 8.0
PEER_SECONDS, PEER_ROW_SECONDS, PEER_BYTES, VECTORS_SECONDS = 3.0, 1e-3, 5e6, 4.0
VECTOR_TOKENS = 3.5  # a word piece with the two tokens around it, and what a short row costs beside its length
LIKELY_PATIENCES = 2.5  # epochs of a training that ends by patience, in patiences: results/movie-reviews has 1.4 to 4
OF_SIZE = ("dimensions", "settings", "image_size", "max_length_tokens")  # what of a student says how large it is
UNTRAINED_ROWS = 5_000  # that an untrained student is scored on, see `training.loop`
UNKNOWN_PEER = Speed(
    step_seconds=0.0,
    step_row_seconds=0.0,
    answer_seconds=1e-4,
    file_row_seconds=1e-4,
    call_seconds=3e-4,
    parameters=0,
    deployed_parameters=0,
    modules=0,
)


def key_of(student: Student) -> str:
    """What students have in common that are equally fast."""
    return student.model_dump_json(include={"architecture", "tokenizer", "weights", "optimiser", *OF_SIZE})


def teacher_lengths(recipe: Recipe, counts: RowCounts) -> tuple[int, int]:
    """The epochs of the teacher and the rows of a batch, by the recipe or by the rules."""
    from training.rules import teacher_settings

    teacher = recipe.teacher
    epochs = None if teacher.epochs == "auto" else teacher.epochs
    batch_size = None if teacher.batch_size == "auto" else teacher.batch_size
    by_rule = teacher_settings(counts.train, counts.outputs, epochs=epochs, batch_size=batch_size)
    return epochs or by_rule["epochs"], by_rule["batch_size"]


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one stage takes; `seconds` is none where it is not known."""

    seconds: Span | None
    size_bytes: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Costs:
    """The arithmetic of one recipe on one machine.

    `teacher` is none for a file of answers and where its shape is not known, and so are the speeds of students.
    """

    recipe: Recipe
    counts: RowCounts
    teacher: Speed | None
    students: Mapping[str, Speed | None]
    slowness: float = 1.0

    def of(self, part: Part) -> Cost:
        """The cost of a stage."""
        if part.kind in ("bundle", "validation", "measurement"):
            return self._of_file(part)
        if part.kind == "student":
            return self._student(part)
        costs = {
            **{"splits": self._splits, "fold": self._splits, "leaks": self._leaks, "image-check": self._check},
            "vocabulary": self._vocabulary,
            **{"teacher": self._teacher, "labeller": self._labeller, "knowledge": self._knowledge},
            **{"features": self._features, "pixels": self._pixels, "vectors": self._vectors, "peer": self._peer},
            **{GIVEN: self._given, "report": self._report},
        }
        return costs[part.kind](part)

    def speed_of(self, part: Part) -> Speed | None:
        """The speed of the model that a part is of; none where it is not known."""
        return self.students.get(key_of(part.cell.student)) if part.cell else self.teacher

    def _fixed(self, seconds: float, size_bytes: float = 0.0) -> Cost:
        return Cost(seconds=Span.of(self.slowness * seconds), size_bytes=size_bytes)

    def _splits(self, part: Part) -> Cost:
        rows = self._all_rows
        reads = self.counts.read if part.kind == "splits" and not part.title else 0
        return self._fixed(READ_SECONDS * bool(reads) + READ_ROW_SECONDS * (reads + rows), rows * self._row_bytes)

    def _leaks(self, part: Part) -> Cost:
        return self._fixed(LEAK_ROW_SECONDS * self._all_rows)

    def _check(self, part: Part) -> Cost:
        return self._fixed(PIXEL_ROW_SECONDS * self._all_rows)

    def _given(self, part: Part) -> Cost:
        return self._fixed(1.0, 8.0 * self.counts.test * self.counts.outputs)

    def _report(self, part: Part) -> Cost:
        return self._fixed(REPORT_SECONDS)

    def _vocabulary(self, part: Part) -> Cost:
        seconds = {TEACHER: 0.1, str(None): 1.0}.get(part.title, VECTORS_SECONDS)  # else pretrained vectors are read
        return self._fixed(seconds, 5e5)

    def _pixels(self, part: Part) -> Cost:
        side = int(part.title) if part.title.isdigit() else (self.recipe.teacher.image_size or 224)
        return self._fixed(PIXEL_ROW_SECONDS * self._all_rows, 3.0 * side * side * self._all_rows)

    def _peer(self, part: Part) -> Cost:
        return self._fixed(PEER_SECONDS + PEER_ROW_SECONDS * self.counts.train, PEER_BYTES)

    def _features(self, part: Part) -> Cost:
        speed = self.teacher
        seconds = Span.of(self._all_rows * speed.answer_seconds) if speed else None
        return Cost(seconds=seconds, size_bytes=5e3 * self._all_rows)

    def _teacher(self, part: Part) -> Cost:
        speed, teacher, rows = self.teacher, self.recipe.teacher, self.counts
        if speed is None:
            return Cost(seconds=None)
        size = 4.0 * speed.parameters
        if teacher.is_zero_shot:
            return Cost(seconds=Span.of(START_SECONDS + teacher.looks_at * speed.answer_seconds), size_bytes=size)
        if teacher.frozen and not teacher.varied:  # the head alone, on features
            return self._fixed(START_SECONDS, size)
        share = 1 - 1 / teacher.folds if teacher.folds and part.title != TEACHER else 1.0
        epochs, batch_size = teacher_lengths(self.recipe, rows)
        steps = -(-round(share * rows.train) // batch_size)
        learning = epochs * steps * speed.step_of(batch_size)
        learning = min(learning, teacher.time_limit or learning)
        scoring = epochs * rows.validation * speed.answer_seconds
        return Cost(seconds=Span.of(self.slowness * START_SECONDS + learning + scoring), size_bytes=size)

    def _labeller(self, part: Part) -> Cost:
        """The sample by all files twice and once padded, and what the fastest of each precision are judged on."""
        if self.teacher is None:
            return Cost(seconds=None)
        rates = {format: FILES[format].rate for format in self._teacher_formats}
        padded = max(1.0, COMMON_LENGTH / self.teacher.tokens) if self.teacher.tokens > 1 else 1.0
        rows = 2 * SAMPLE_ROWS * sum(1 / rate for rate in rates.values()) + (1 + padded) * SAMPLE_ROWS + COMMON_BATCH
        for lossy, judged in ((False, SAMPLE_ROWS), (True, JUDGED_ROWS)):
            faster = [rate for format, rate in rates.items() if EXPORTERS[format].lossy == lossy and rate > 1]
            rows += min(judged, self.counts.train) * (1 + 1 / max(faster)) if faster else 0
        seconds = rows * self.teacher.answer_seconds + self.slowness * len(rates)
        return Cost(seconds=Span.of(seconds))

    def _knowledge(self, part: Part) -> Cost:
        teacher, counts = self.recipe.teacher, self.counts
        others = counts.transferred(self.recipe.labelled_transfer)
        rows, size = counts.train + others, (counts.train + others) * (40.0 + 4 * counts.outputs)
        if teacher.is_given:
            return self._fixed(READ_ROW_SECONDS * rows, size)
        if self.teacher is None:
            return Cost(seconds=None, size_bytes=size)
        passes = counts.train + (teacher.folds or 1) * others + (teacher.folds or 0) * counts.test
        passes += (teacher.views or 0) * rows
        lossless = [FILES[format].rate for format in self._teacher_formats if not EXPORTERS[format].lossy]
        rate = 1.0 if self.recipe.features else max(lossless, default=1.0)
        return Cost(seconds=Span.of(passes * self.teacher.answer_seconds / rate), size_bytes=size)

    def _vectors(self, part: Part) -> Cost:
        """The teacher's body reads each of its tokens, or each of the students' words, by itself."""
        tokenizer, dimensions = part.title.split()
        if self.teacher is None or self.teacher.words == 0:
            return Cost(seconds=None)
        words = self.teacher.words if tokenizer == TEACHER else own_words(self.counts)
        seconds = words * self.teacher.answer_seconds * min(1.0, VECTOR_TOKENS / self.teacher.tokens)
        return Cost(seconds=Span.of(seconds), size_bytes=4.0 * words * int(dimensions))

    def _student(self, part: Part) -> Cost:
        """A student, by each way of reading that it may get: likely the mean of them, at most the slowest."""
        if part.cell is None:
            return Cost(seconds=None)
        cells = self._ways(part.cell)
        speeds = [self.students.get(key_of(cell.student)) for cell in cells]
        known_speeds = [speed for speed in speeds if speed]
        spans = [self._training(cell, speed) for cell, speed in zip(cells, speeds, strict=True) if speed]
        if len(spans) < len(cells) or (part.cell.objective.teacher_every_epoch and self.teacher is None):
            return Cost(seconds=None)
        likely, most = mean(span.likely for span in spans), max(span.most for span in spans)
        size = max(4.0 * speed.parameters for speed in known_speeds)
        return Cost(seconds=Span(likely=likely, most=most), size_bytes=size)

    def _ways(self, cell: Cell) -> list[Cell]:
        """The cell with each way of reading between which validation rows decide before it is trained."""
        if cell.objective == Objective(name="hard"):  # by which they do
            return [cell]
        students = [student for student in self.recipe.students if student.title == cell.student.title]
        return [replace(cell, student=candidate) for student in students for candidate in student.candidates()]

    def _training(self, cell: Cell, speed: Speed) -> Span:
        counts = self.counts
        rows = counts.train + counts.transferred(cell.objective.transfer)
        matched, device = counts.transferred(cell.objective.match_steps), self.recipe.trained_on
        settings = settings_for(cell, rows=rows, labelled=counts.train, matched=matched, device=device)
        epochs = Span.of(settings.epochs)
        if settings.patience is not None:
            epochs = Span(likely=min(settings.epochs, LIKELY_PATIENCES * settings.patience), most=settings.epochs)
        held_out = (counts.validation + counts.test) * speed.answer_seconds
        epoch = -(-rows // settings.batch_size) * speed.step_of(settings.batch_size) + held_out
        if cell.objective.teacher_every_epoch and self.teacher:
            epoch += rows * self.teacher.answer_seconds
        start = self.slowness * (STUDENT_SECONDS + ENCODE_ROW_SECONDS * (rows + counts.validation + counts.test))
        start += min(rows, UNTRAINED_ROWS) * speed.answer_seconds + held_out
        limit, seconds = settings.time_limit or math.inf, epochs * epoch
        return Span(likely=min(seconds.likely, limit), most=min(seconds.most, limit)) + Span.of(start)

    def _of_file(self, part: Part) -> Cost:
        speed, counts, format = self.speed_of(part), self.counts, part.format
        if format == GIVEN:
            return self._fixed(0.1)
        if part.kind == "measurement" and format not in FILES:  # a peer, of which nothing is known
            speed = UNKNOWN_PEER
        if speed is None:
            return Cost(seconds=None)
        if part.kind == "bundle":
            exporting = export_seconds(format, speed, validation_rows=counts.validation, slowness=self.slowness)
            # Once in the store, and once in the run folder; a fold's teacher is in the store alone.
            return Cost(seconds=Span.of(exporting), size_bytes=2 * size_bytes(format, speed))
        if part.kind == "validation":
            rows = counts.validation * speed.answer_seconds / FILES[format].rate
            return Cost(seconds=Span.of(0.3 * self.slowness + rows), size_bytes=8.0 * counts.validation)
        measuring = measuring_seconds(
            format,
            speed,
            self.recipe.measuring,
            items=counts.test,
            timed=part.timed,
            outputs=part.launch == 0,
            slowness=self.slowness,
        )
        return Cost(seconds=Span.of(measuring), size_bytes=4e4)

    @property
    def _teacher_formats(self) -> list[str]:
        recipe = self.recipe
        return possible_formats(recipe, recipe.teacher.architecture, recipe.teacher.formats)

    @property
    def _all_rows(self) -> int:
        counts = self.counts
        return counts.train + counts.validation + counts.test + counts.transferred(True)

    @property
    def _row_bytes(self) -> float:
        return 30 + 3 * self.counts.words
