"""A recipe's data: where rows come from, which of their columns are read, and what is asked of a model."""

from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from bench.recipe.parts import LATER, Augmentation, Part, Positive, Views, one_of
from materials.catalogue import DATASETS
from materials.errors import unknown
from materials.hub_files import is_on_hub, name_fault
from materials.modalities import MODALITIES
from materials.sources.class_names import descriptions_of
from materials.sources.image_folder import is_image_folder
from materials.sources.image_source import is_image_source, is_image_table
from materials.splits.balance import RowsPerClass
from materials.tasks import TASKS, task_of
from materials.tasks.task import Task


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


Classes = dict[str, tuple[str, ...]]
DataName = Annotated[str, AfterValidator(_data_set_or_file)]
Share = Annotated[float, Field(gt=0, lt=0.5)]


class Data(Part):
    """Where rows come from: names of known data sets, files with the columns `text` and `label`, or images in any form.

    `task` is what is asked of a model. `text_pair` is the column of second texts, which makes items pairs. `separator`
    stands between the labels of a row, and `thresholds` is the probability from which a label is given.
    `classes` are the names that a zero-shot teacher answers with, each with one or several descriptions, or a file of
    names. `transfer_text` is the column of the transfer file where it has another name. `licence` is that of all files.
    Rows of files without a text or label are left out if `drop_missing` says so, train and transfer rows of fewer than
    `fewest_words` words always, and those that are near-duplicates of test rows if `drop_near_duplicates` says so.
    `balance` is how many rows of each class keep their labels, at most as many as the rarest class has, and
    `train_rows` how many rows in all; the others (of the latter, `transfer_rows` at most) become transfer rows, as do
    the rows that `augmentation` makes. `class_names` is a file of new names for classes of images, and `views` how
    images are varied, where the teacher says so. `items` says that files on the Hub hold images, which their names do
    not tell.
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
    drop_near_duplicates: Annotated[bool, LATER] = False
    balance: Annotated[RowsPerClass | None, BeforeValidator(_rows_per_class), LATER] = None
    validation_share: Share = 0.1
    test_share: Share = 0.1
    task: Annotated[str, one_of("task", TASKS), LATER] = "single-label"
    separator: Annotated[str | None, Field(min_length=1), LATER] = None
    thresholds: Annotated[float | tuple[float, ...] | None, LATER] = None
    classes: Annotated[Classes | None, BeforeValidator(_classes), LATER] = None
    class_names: Annotated[str | None, LATER] = None
    items: Annotated[Literal["image"] | None, LATER] = None
    text: str = "text"
    text_pair: Annotated[str | None, LATER] = None
    transfer_text: Annotated[str | None, LATER] = None
    label: str | None = None
    licence: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    views: Annotated[Views, LATER] = Views()

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
        self._check_images()
        other_kinds = [name for name in sources if name in DATASETS and DATASETS[name].modality != self.modality]
        if other_kinds:
            items, others = (MODALITIES[name].plural for name in (self.modality, DATASETS[other_kinds[0]].modality))
            raise ValueError(
                f"{other_kinds[0]} holds {others}, but the train rows are {items}; give {items}, or none (for "
                "transfer rows with --set data.transfer=null)"
            )
        columns = [(name, column) for name in ("text", "text_pair", "label") if (column := getattr(self, name))]
        for (name, column), (other_name, other_column) in combinations(columns, 2):
            if column == other_column:
                raise ValueError(f"{name} and {other_name} are the same column '{column}'")
        return self

    def _check_images(self) -> None:
        """Raise ValueError for settings that images in the form of the train rows have not, or that texts have not."""
        if self.modality != "image":
            if self.class_names is not None:
                raise ValueError("class_names names classes of images, and the rows are texts; leave it out")
            if self.items is not None:
                raise ValueError(f"items says that the rows are images, and those of {self.train} are texts")
            return
        allowed = ("text", "label") if is_on_hub(self.train) or is_image_table(self.train, self.text) else ()
        if file_settings := [name for name in self._fields_of_files() if name not in allowed]:
            raise ValueError(f"{file_settings[0]} is for files of rows, and {self.train} holds images; leave it out")

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
        """What an item is: folders, archives, arrays and columns of images hold images, a second text makes pairs."""
        if self.train in DATASETS:
            kind = DATASETS[self.train].modality
        elif is_on_hub(self.train):
            kind = self.items or "text"
        else:
            kind = "image" if is_image_source(self.train, self.text) else "text"
        return "pair" if kind == "text" and self.text_pair else kind
