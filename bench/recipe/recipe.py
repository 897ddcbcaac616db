"""The recipe: what a run trains, exports and measures. Frozen, validated once, names and numbers only."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from bench.recipe.cell import Cell
from bench.recipe.data import Data
from bench.recipe.measuring import Measuring, Parity
from bench.recipe.objective import OF_CLASSES, OF_IMAGES, OF_TOKENS, Objective, named_kinds
from bench.recipe.parts import LATER, Part, Positive, Published, Views, one_of
from bench.recipe.recipe_student import FROM_TEACHER, Student
from bench.recipe.recipe_teacher import Format, Teacher
from bench.recipe.sweep import Sweep, at_all_points
from export.gate.parity import ParityBounds
from materials.hub_files import is_on_hub
from materials.rows import TRANSFER_KINDS
from materials.tasks.task import Task
from materials.weights import UNTRAINED
from peers import PEERS
from teachers import TEACHERS

Device = Literal["cpu", "cuda"]


class Recipe(Part):
    """A whole experiment. `speed_seeds` is the number of seeds whose bundles are timed, from the first.

    `cascade_agreement` is how often a student that answers alone shall agree with its teacher.

    Files are measured on `device`; models are trained there too, and the teacher labels there, unless `training_device`
    names another.
    """

    name: Annotated[str, Field(pattern=r"^(paper/)?[a-z0-9][a-z0-9-]*$")]
    description: str = ""
    published: Published | None = None
    data: Data
    teacher: Teacher = Teacher()
    students: tuple[Student, ...] = ()
    objectives: tuple[Objective, ...] = ()
    sweep: Annotated[Sweep | None, LATER] = None
    formats: Annotated[tuple[Format, ...], Field(min_length=1)] = ("eager", "torchscript", "onnx", "onnx-int8")
    peers: tuple[Annotated[str, one_of("peer", PEERS)], ...] = ()
    parity: Parity = Parity()
    measuring: Measuring = Measuring()
    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)] = (0,)
    speed_seeds: Annotated[int, Field(ge=0)] = 1
    threads: Positive = 1
    cascade_agreement: Annotated[float, Field(gt=0.5, lt=1)] = 0.97
    device: Device = "cpu"
    training_device: Device | None = None

    @property
    def swept_objectives(self) -> tuple[Objective, ...]:
        """What students are trained for: the objectives, each at every point of the sweep that it uses."""
        return at_all_points(self.objectives, self.sweep)

    @property
    def labelled_transfer(self) -> bool | tuple[str, ...]:
        """The transfer rows that the teacher labels: all, those of the kinds that objectives name, or none."""
        transfers = [objective.transfer for objective in self.objectives]
        kinds = {kind for rows in transfers for kind in named_kinds(rows)}
        return True if True in transfers else tuple(kind for kind in TRANSFER_KINDS if kind in kinds) or False

    @property
    def features(self) -> tuple[str, ...]:
        """The kinds of features of the teacher that objectives compare students' with."""
        return tuple(sorted({feature for objective in self.objectives for feature in objective.features}))

    @property
    def is_label_free(self) -> bool:
        """Whether nothing is learned from labels: the teacher's decisions stand for them, but on test rows."""
        return self.teacher.is_zero_shot

    @property
    def trained_on(self) -> str:
        """The device on which models are trained and the teacher labels."""
        return self.training_device or self.device

    @property
    def task(self) -> Task:
        """What is asked of all models."""
        return self.data.asked

    @property
    def modality(self) -> str:
        """What the items are: text, pair or image."""
        return self.data.modality

    def cells(self) -> tuple[Cell, ...]:
        """The work of a run: every student for every objective, seed by seed."""
        return tuple(
            Cell(student=student, objective=objective, seed=seed)
            for seed in self.seeds
            for student in self.students
            for objective in self.swept_objectives
        )

    @model_validator(mode="after")
    def _check_modality(self) -> "Recipe":
        readers = {
            f"teacher {self.teacher.architecture}": TEACHERS[self.teacher.architecture].modalities,
            **{f"student {student.title}": student.modalities for student in self.students},
        }
        for reader, modalities in readers.items():
            if self.modality not in modalities:
                may_be_images = "image" in modalities and is_on_hub(self.data.train)
                advice = "; if they are images, set data.items to image" if may_be_images else ""
                raise ValueError(
                    f"{reader} reads items of the kind {' or '.join(modalities)}, and data.train holds "
                    f"{self.modality}; choose another, or other data{advice}"
                )
        for student in self.students if self.modality == "image" else ():
            if student.is_pretrained and UNTRAINED in (student.weights, student.needs_body and self.teacher.weights):
                raise ValueError(
                    f"student {student.title} starts from a pretrained body, and {UNTRAINED} weights are none; name "
                    "its weights, or take the architecture resnet"
                )
        for peer in self.peers:
            if self.task.name not in PEERS[peer].tasks or self.modality not in PEERS[peer].modalities:
                raise ValueError(f"peer '{peer}' answers for one class of a text or pair only; leave it out")
        return self

    @model_validator(mode="after")
    def _check_labels(self) -> "Recipe":
        teacher, classes = self.teacher.architecture, self.data.classes
        if self.teacher.is_zero_shot and classes is None:
            raise ValueError(
                f"teacher {teacher} needs the names of the classes; give them as data.classes or --classes"
            )
        if classes is not None and TEACHERS[teacher].is_trained:
            raise ValueError(f"classes are for teachers that are not trained, and {teacher} is; leave them out")
        thresholds = self.data.thresholds
        if classes is not None and isinstance(thresholds, tuple) and len(thresholds) != len(classes):
            raise ValueError(f"thresholds are {len(thresholds)}, and classes {len(classes)}; give one for each class")
        if self.teacher.is_given:
            self._check_given()
        if not self.is_label_free:
            return self
        if needing := [objective.name for objective in self.objectives if objective.name in ("hard", "distilled")]:
            raise ValueError(
                f"objective '{needing[0]}' learns from labels, and with teacher {teacher} no row has one; choose soft, "
                "logits or pseudo-hard"
            )
        if self.data.balance or self.data.train_rows:
            raise ValueError(f"balance and train_rows count labels, and with teacher {teacher} no row has one")
        if self.teacher.refine and self.task.name == "multi-label":
            raise ValueError("a teacher of several labels a text cannot be refined; leave teacher.refine out")
        tasks = TEACHERS[teacher].tasks
        if self.task.name not in tasks:
            raise ValueError(
                f"teacher {teacher} is for {' and '.join(tasks)}, and the task is {self.task.name}; several labels a "
                "text are for zero-shot-nli"
            )
        return self

    def _check_given(self) -> None:
        """Refuse what needs a model where the teacher is a file of answers."""
        for student in self.students:
            for candidate in student.candidates():
                if candidate.needs_body:
                    raise ValueError(
                        f"{student.title} starts from the teacher's tokens or weights, and the teacher is a file of "
                        "answers; "
                        + (
                            "name its weights"
                            if student.is_pretrained
                            else "set its tokenizer to own and its vectors to glove-50d, or leave them out"
                        )
                    )
        if any(objective.teacher_every_epoch for objective in self.objectives):
            raise ValueError("teacher_every_epoch runs the teacher, which is a file of answers; leave it out")
        if needing := [peer for peer in self.peers if PEERS[peer].needs_body]:
            raise ValueError(f"peer '{needing[0]}' starts from the teacher's body, and there is none; leave it out")
        if self.task.name not in TEACHERS[self.teacher.architecture].tasks:
            raise ValueError(f"answers in a file are one class or several labels a row; the task is {self.task.name}")

    @model_validator(mode="after")
    def _check_features(self) -> "Recipe":
        if not self.features:
            return self
        if is_of_images := set(self.features) & set(OF_IMAGES):
            if self.modality != "image" or set(self.features) - is_of_images:
                raise ValueError(
                    f"{' and '.join(OF_IMAGES)} is for networks of images, and other features for transformers; the "
                    f"items are {self.modality}s, and the features {', '.join(self.features)}"
                )
            return self
        of_transformers = f"the {' and '.join(self.features)} features of an objective are those of transformers"
        if self.teacher.architecture != "transformer":
            raise ValueError(f"{of_transformers}, and the teacher is {self.teacher.architecture}; choose other weights")
        if others := [student.title for student in self.students if not student.is_pretrained]:
            raise ValueError(f"{of_transformers}, and student {others[0]} is none; choose transformer students only")
        for student in self.students if set(self.features) & set(OF_TOKENS) else ():
            if student.weights != FROM_TEACHER:
                raise ValueError(
                    f"{' and '.join(OF_TOKENS)} are compared token by token, and student {student.title} reads other "
                    "tokens than the teacher; leave its weights out"
                )
        return self

    @model_validator(mode="after")
    def _check_folds_and_views(self) -> "Recipe":
        teacher = self.teacher
        several = {"folds": teacher.folds, "views": teacher.views}
        for key in (key for key, count in several.items() if count):
            if self.features:
                raise ValueError(
                    f"teacher.{key} is for outputs, and an objective compares features; leave one of them out"
                )
            if any(objective.teacher_every_epoch for objective in self.objectives):
                raise ValueError(f"teacher.{key} is for stored outputs; leave teacher_every_epoch out")
        if self.data.views != Views() and not teacher.views and not teacher.varied:
            raise ValueError("data.views says how images are varied; set teacher.views or teacher.varied too")
        return self

    @model_validator(mode="after")
    def _check_unused(self) -> "Recipe":
        if any(objective.match_steps for objective in self.objectives) and not self.data.has_transfer:
            raise ValueError("match_steps counts the steps with transfer rows, and the data has none; leave it out")
        heated = [objective for objective in self.swept_objectives if objective.temperature != 1]
        if self.task.name == "regression" and any("soft-unscaled" not in (item.weights or ()) for item in heated):
            raise ValueError(
                "temperature softens logits, and a regression has none; leave it out (soft-unscaled takes one, as its "
                "source divides numbers by it too)"
            )
        if self.task.name == "regression" and any(objective.name == "pseudo-hard" for objective in self.objectives):
            raise ValueError("what a teacher of numbers decides is its logits; choose the objective 'logits'")
        parts = {part for objective in self.objectives for part in objective.weights or ()}
        if self.task.name != "single-label" and (of_classes := [part for part in OF_CLASSES if part in parts]):
            raise ValueError(
                f"the part '{of_classes[0]}' compares the classes of a row that has one, and the task is "
                f"{self.task.name}; choose soft, logits or relational"
            )
        unused = ("smallest_correlation",) if self.task.has_names else ("smallest_agreement", "margin")
        for name in unused:
            if getattr(self.parity, name) != getattr(ParityBounds, name):
                raise ValueError(f"parity.{name} is for other tasks than {self.task.name}; leave it out")
        length = self.teacher.max_length_tokens
        if self.modality == "image" and length != "auto":
            raise ValueError("teacher.max_length_tokens is for texts, and the items are images; leave it out")
        if self.task.name != "single-label" and any(objective.transfer_balance for objective in self.objectives):
            raise ValueError(f"transfer_balance counts rows of a class; the task is {self.task.name}")
        return self

    @model_validator(mode="after")
    def _check_sweep(self) -> "Recipe":
        if self.sweep is None:
            return self
        for setting, values, is_used in (
            ("temperature", self.sweep.temperature, any(item.uses_temperature for item in self.objectives)),
            ("alpha", self.sweep.alpha, any(item.uses_alpha for item in self.objectives)),
        ):
            if values is not None and not is_used:
                raise ValueError(f"sweep.{setting} is given, and no objective uses {setting}; leave it out")
        if self.sweep.has_grid and not self.is_label_free and not any(item.is_alone for item in self.objectives):
            raise ValueError("a sweep holds each point against the student alone; add the objective 'hard'")
        return self

    @model_validator(mode="after")
    def _check_whole(self) -> "Recipe":
        if any(objective.transfer for objective in self.objectives) and not self.data.has_transfer:
            raise ValueError(
                "an objective asks for transfer rows, but data.transfer names none (or give --transfer-data), and "
                "none of data.balance, data.train_rows and data.augmentation makes any"
            )
        matched = any(objective.match_steps for objective in self.objectives)
        if matched and any(student.ends_by_patience for student in self.students):
            raise ValueError("match_steps needs a number of epochs, and a student ends by patience; choose one")
        sources = {
            "rest": self.data.balance or self.data.train_rows,
            "augmented": self.data.augmentation,
            "other": self.data.transfer,
        }
        for objective in self.objectives:
            for kind in (*named_kinds(objective.transfer), *named_kinds(objective.match_steps)):
                if sources[kind] is None:
                    key = {"rest": "balance or train_rows", "augmented": "augmentation", "other": "transfer"}[kind]
                    raise ValueError(f"an objective asks for transfer rows of kind '{kind}', but data.{key} is not set")
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError("seeds holds a seed twice; each counts once")
        for kind, titles in (
            ("student", [student.title for student in self.students]),
            ("objective", [objective.title for objective in self.swept_objectives]),
            ("format", list(self.formats)),
            ("teacher format", list(self.teacher.formats)),
            ("peer", list(self.peers)),
        ):
            twice = sorted({title for title in titles if titles.count(title) > 1})
            if twice:
                raise ValueError(
                    f"two {kind}s are called '{twice[0]}'; remove one"
                    + (", or give it a name" if kind == "student" else "")
                )
        if "eager" not in self.teacher.formats:
            raise ValueError("teacher.formats must hold 'eager': it is the reference of quality and speed")
        return self
