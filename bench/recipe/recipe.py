"""The recipe: what a run trains, exports and measures. Frozen, validated once, names and numbers only."""

from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from bench.recipe.cell import Cell
from bench.recipe.measuring import Measuring, Parity
from bench.recipe.objective import Objective, named_kinds
from bench.recipe.parts import LATER, Augmentation, Part, Positive, Published, one_of
from bench.recipe.recipe_student import Student
from bench.recipe.recipe_teacher import Format, Teacher
from export.gate.parity import ParityBounds
from materials.catalogue import DATASETS
from materials.errors import unknown
from materials.hub_files import name_fault
from materials.modalities import MODALITIES
from materials.rows import TRANSFER_KINDS
from materials.sources.class_names import descriptions_of
from materials.sources.image_folder import is_image_folder
from materials.splits.balance import RowsPerClass
from materials.tasks import TASKS, task_of
from materials.tasks.task import Task
from peers import PEERS
from teachers import TEACHERS


def _data_set_or_file(name: str) -> str:
    if fault := name_fault(name):
        raise ValueError(fault)
    if name not in DATASETS and not Path(name).suffix and not is_image_folder(name):
        raise ValueError(
            f"there is no file or folder of this name, and no data set: {unknown('data set', name, DATASETS)}"
        )
    return name


def _rows_per_class(value: Any) -> Any:
    if value in (None, "rarest") or (type(value) is int and value > 0):
        return value
    raise ValueError(f"expected a positive number of rows, or rarest; got {value!r}")


def _classes(value: Any) -> Any:
    return value if value is None else descriptions_of(value)


Device = Literal["cpu", "cuda"]
Classes = dict[str, tuple[str, ...]]
DataName = Annotated[str, AfterValidator(_data_set_or_file)]
Share = Annotated[float, Field(gt=0, lt=0.5)]


class Data(Part):
    """Where rows come from: names of known data sets, files with the columns `text` and `label`, folders of images.

    `task` is what is asked of a model. `text_pair` is the column of second texts, which makes items pairs. `separator`
    stands between the labels of a row, and `thresholds` is the probability from which a label is given.
    `classes` are the names that a zero-shot teacher answers with, each with one or several descriptions, or a file of
    names. `transfer_text` is the column of the transfer file where it has another name. `licence` is that of all files.
    Rows of files without a text or label are left out if `drop_missing` says so, train and transfer rows of fewer than
    `fewest_words` words always. `balance` is how many rows of each class keep their labels, at most as many as the
    rarest class has, and `train_rows` how many rows in all; the others (of the latter, `transfer_rows` at most) become
    transfer rows, as do the rows that `augmentation` makes.
    """

    train: DataName
    validation: DataName | None = None
    test: DataName | None = None
    transfer: DataName | None = None
    transfer_rows: Positive | None = None
    drop_missing: Annotated[bool, LATER] = False
    fewest_words: Annotated[int, Field(ge=0), LATER] = 0
    train_rows: Annotated[Positive | None, LATER] = None
    augmentation: Annotated[Augmentation | None, LATER] = None
    balance: Annotated[RowsPerClass | None, BeforeValidator(_rows_per_class), LATER] = None
    validation_share: Share = 0.1
    test_share: Share = 0.1
    task: Annotated[str, one_of("task", TASKS), LATER] = "single-label"
    separator: Annotated[str | None, Field(min_length=1), LATER] = None
    thresholds: Annotated[float | tuple[float, ...] | None, LATER] = None
    classes: Annotated[Classes | None, BeforeValidator(_classes), LATER] = None
    text: str = "text"
    text_pair: Annotated[str | None, LATER] = None
    transfer_text: Annotated[str | None, LATER] = None
    label: str | None = None
    licence: Annotated[str, Field(min_length=1, max_length=200)] | None = None

    @property
    def has_transfer(self) -> bool:
        """Whether there are rows that only the teacher labels."""
        return any(source is not None for source in (self.transfer, self.balance, self.train_rows, self.augmentation))

    @model_validator(mode="after")
    def _check_columns(self) -> "Data":
        sources = [name for name in (self.train, self.validation, self.test, self.transfer) if name]
        if (self.text != "text" or self.label is not None) and all(name in DATASETS for name in sources):
            raise ValueError(
                "text and label name the columns of a file, but data names no file; did you forget --data?"
            )
        if self.licence is not None and all(name in DATASETS for name in sources):
            raise ValueError("licence is that of your own files, but data names no file; did you forget --data?")
        if self.modality == "image" and (file_settings := self._fields_of_files()):
            raise ValueError(
                f"{file_settings[0]} is for files of rows, and {self.train} is a folder of images; leave it out"
            )
        text_sources = [name for name in sources if name in DATASETS]
        if text_sources and self.modality != "text":
            items = MODALITIES[self.modality].plural
            raise ValueError(
                f"{text_sources[0]} holds texts, but the train rows are {items}; give {items}, or none (for "
                "transfer rows with --set data.transfer=null)"
            )
        columns = [(name, column) for name in ("text", "text_pair", "label") if (column := getattr(self, name))]
        for (name, column), (other_name, other_column) in combinations(columns, 2):
            if column == other_column:
                raise ValueError(f"{name} and {other_name} are the same column '{column}'")
        return self

    def _fields_of_files(self) -> list[str]:
        """The settings that are given and that only files of rows have."""
        names = ("text", "text_pair", "transfer_text", "label", "drop_missing", "fewest_words")
        return [name for name in names if getattr(self, name) != type(self).model_fields[name].default]

    @model_validator(mode="after")
    def _check_task(self) -> "Data":
        if self.task != "multi-label" and (self.separator is not None or self.thresholds is not None):
            raise ValueError(f"separator and thresholds are for the task multi-label; the task is {self.task}")
        if self.task != "single-label" and self.balance is not None:
            raise ValueError(f"balance counts rows of a class; the task is {self.task}")
        if self.augmentation and self.modality != "text":
            raise ValueError(f"augmentation makes texts of single texts; the items are {self.modality}s")
        if self.thresholds is not None:
            _ = self.asked
        return self

    @property
    def asked(self) -> Task:
        """What is asked of a model."""
        return task_of(self.task, {} if self.thresholds is None else {"thresholds": self.thresholds})

    @property
    def modality(self) -> str:
        """What an item is: a folder holds images, a second column of texts makes pairs."""
        if self.train not in DATASETS and is_image_folder(self.train):
            return "image"
        return "pair" if self.text_pair else "text"


class Recipe(Part):
    """A whole experiment. `speed_seeds` is the number of seeds whose bundles are timed, from the first.

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
    formats: Annotated[tuple[Format, ...], Field(min_length=1)] = ("eager", "torchscript", "onnx", "onnx-int8")
    peers: tuple[Annotated[str, one_of("peer", PEERS)], ...] = ()
    parity: Parity = Parity()
    measuring: Measuring = Measuring()
    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)] = (0,)
    speed_seeds: Annotated[int, Field(ge=0)] = 1
    threads: Positive = 1
    device: Device = "cpu"
    training_device: Device | None = None

    @property
    def labelled_transfer(self) -> bool | tuple[str, ...]:
        """The transfer rows that the teacher labels: all, those of the kinds that objectives name, or none."""
        transfers = [objective.transfer for objective in self.objectives]
        kinds = {kind for rows in transfers for kind in named_kinds(rows)}
        return True if True in transfers else tuple(kind for kind in TRANSFER_KINDS if kind in kinds) or False

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
            for objective in self.objectives
        )

    @model_validator(mode="after")
    def _check_modality(self) -> "Recipe":
        readers = {
            f"teacher {self.teacher.architecture}": TEACHERS[self.teacher.architecture].modalities,
            **{f"student {student.title}": student.modalities for student in self.students},
        }
        for reader, modalities in readers.items():
            if self.modality not in modalities:
                raise ValueError(
                    f"{reader} reads items of the kind {' or '.join(modalities)}, and data.train holds "
                    f"{self.modality}; choose another, or other data"
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
        if classes is not None and not self.teacher.is_zero_shot:
            raise ValueError(f"classes are for zero-shot teachers, and the teacher is {teacher}; leave them out")
        if not self.is_label_free:
            return self
        if needing := [objective.name for objective in self.objectives if objective.name in ("hard", "distilled")]:
            raise ValueError(
                f"objective '{needing[0]}' learns from labels, and with teacher {teacher} no row has one; choose soft, "
                "logits or pseudo-hard"
            )
        if self.data.balance or self.data.train_rows:
            raise ValueError(f"balance and train_rows count labels, and with teacher {teacher} no row has one")
        tasks = TEACHERS[teacher].tasks
        if self.task.name not in tasks:
            raise ValueError(
                f"teacher {teacher} is for {' and '.join(tasks)}, and the task is {self.task.name}; several labels a "
                "text are for zero-shot-nli"
            )
        return self

    @model_validator(mode="after")
    def _check_unused(self) -> "Recipe":
        if any(objective.match_steps for objective in self.objectives) and not self.data.has_transfer:
            raise ValueError("match_steps counts the steps with transfer rows, and the data has none; leave it out")
        if self.task.name == "regression" and any(objective.temperature != 1 for objective in self.objectives):
            raise ValueError("temperature softens logits, and a regression has none; leave it out")
        if self.task.name == "regression" and any(objective.name == "pseudo-hard" for objective in self.objectives):
            raise ValueError("what a teacher of numbers decides is its logits; choose the objective 'logits'")
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
            ("objective", [objective.title for objective in self.objectives]),
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
