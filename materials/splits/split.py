"""Seeded, stratified splits without an item in two of them, and transfer rows that never touch validation or test."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from materials.errors import RequestError
from materials.modalities import MODALITIES
from materials.rows import Rows, Source, Splits, Table
from materials.splits.augmentation import Augmentation
from materials.splits.balance import RowsPerClass, balanced, fewer
from materials.splits.label_names import find_label_names, without_labels
from materials.splits.near_duplicates import NearTest
from materials.splits.transfer import check_words, has_words, transfer_rows_of
from materials.tasks.task import Task, are_measurements


@dataclass(frozen=True, kw_only=True)
class SplitSettings:
    """How rows are split. `validation` and `test` are shares of the rows, for a source without official ones.

    `balance` is how many rows of each class keep their labels, before shares are split off; `train_rows` is how many
    rows keep them in all, after the test share and before the validation share; of the others, `most_left_over` at most
    become transfer rows. Train and transfer rows of fewer than `fewest_words` words, which are runs of letters and
    digits, are left out. `transfer_rows` is how many rows of a transfer source are drawn; none for all of them. With
    `labelled_by_teacher`, labels are a teacher's answers, and a class may have any number of rows. `classes` are the
    names of all classes where no label is looked at but those of test rows. With `drop_near_duplicates`, train and
    transfer rows that are near-duplicates of test rows are left out.
    """

    validation: float
    test: float
    seed: int
    transfer_rows: int | None = None
    balance: RowsPerClass | None = None
    train_rows: int | None = None
    most_left_over: int | None = None
    fewest_words: int = 0
    augmentation: Augmentation | None = None
    labelled_by_teacher: bool = False
    classes: tuple[str, ...] | None = None
    drop_near_duplicates: bool = False

    @property
    def shares(self) -> Mapping[str, float]:
        """The share of each part that is split off, test rows first."""
        return {"test": self.test, "validation": self.validation}


def make_splits(
    source: Source,
    transfer: Table | None,
    settings: SplitSettings,
    *,
    task: Task,
    label_order: tuple[str, ...] | None = None,
) -> Splits:
    """The splits of one seed.

    A class needs two train rows in every stage, or one where test rows are official: it then has none in validation.
    `label_order` holds the labels of a fine-tuned teacher in the order of its outputs, which the splits then follow.
    Raises RequestError when the labels cannot be learned from (fewer than two classes, or a class too rare to split)
    or are not the teacher's.
    """
    _check_modality(source, transfer)
    check_words(source.train.modality, settings.fewest_words, settings.augmentation)
    if settings.classes:
        label_names, source = settings.classes, without_labels(source, settings.classes, task)
    else:
        label_names = find_label_names(source, task, label_order, by_teacher=settings.labelled_by_teacher)
    drawing = _Drawing(settings=settings, task=task, label_names=label_names)
    train, held_out, left_over = drawing.labelled_parts(source)
    if settings.classes:  # labels of the rows that the test share was split off are not looked at any more
        train, held_out["validation"] = map(drawing.hidden, (train, held_out["validation"]))
    near = NearTest(held_out["test"]) if settings.drop_near_duplicates else None
    train = drawing.far_rows(train, near)
    transfer_part, kinds = transfer_rows_of(
        transfer.items if transfer else [],
        left_over=left_over,
        train=train,
        held_out=list(held_out.values()),
        count=settings.transfer_rows,
        fewest_words=settings.fewest_words,
        augmentation=settings.augmentation,
        rows_of_rarest=rows_of_rarest(task, train, len(label_names)),
        seed=settings.seed,
        near=near,
    )
    return Splits(
        train=train,
        validation=held_out["validation"],
        test=held_out["test"],
        transfer=drawing.hidden(replace(train, items=transfer_part)),
        label_names=label_names,
        task=task,
        transfer_kinds=kinds,
        mask_token=(settings.augmentation.mask_token or None) if settings.augmentation else None,
        near_duplicates_dropped=near.dropped if near else {},
    )


def rows_of_rarest(task: Task, rows: Rows, names: int) -> int | None:
    """How many rows the rarest class or label has, of those that have any; none where targets are neither."""
    counts = task.rows_per_name(rows.targets, names)
    return None if counts is None or not counts.any() else int(counts[counts > 0].min())


def _check_modality(source: Source, transfer: Table | None) -> None:
    """Raise RequestError where two parts hold items of different kinds."""
    tables = {"validation": source.validation, "test": source.test, "transfer": transfer}
    for part, table in tables.items():
        if table is not None and table.modality != source.train.modality:
            kinds = [MODALITIES[name].plural for name in (table.modality, source.train.modality)]
            advice = f"give {kinds[1]}" + (", or none with --set data.transfer=null" if part == "transfer" else "")
            raise RequestError(f"the {part} rows are {kinds[0]}, but the train rows are {kinds[1]}; {advice}")


@dataclass(frozen=True, kw_only=True)
class _Drawing:
    """What every stage of drawing the labelled rows needs."""

    settings: SplitSettings
    task: Task
    label_names: tuple[str, ...]

    def labelled_parts(self, source: Source) -> tuple[Rows, dict[str, Rows], list[object]]:
        """The train rows, the validation and test rows by name, and the items that a balance left over.

        A share counts where the source has no official rows of that part, and is that of all rows.
        """
        settings = self.settings
        key, taken_keys = MODALITIES[source.train.modality].key, set[str]()
        held_out = {}
        for part, table in (("test", source.test), ("validation", source.validation)):
            if table is not None:
                held_out[part] = self._rows(table, without=taken_keys)
                taken_keys |= set(map(key, held_out[part].items))
        train = self._rows(source.train, without=taken_keys, fewest_words=settings.fewest_words)
        if not len(train):
            length_reason = f" or have fewer than {settings.fewest_words} words" if settings.fewest_words else ""
            raise RequestError(
                f"all train rows are validation or test rows too{length_reason}; give different rows for each"
            )
        fewest = 2 if source.test is None else 1
        left_over: list[object] = []
        if settings.balance is not None:
            self._check_classes(train, fewest)
            train, left_over = balanced(
                train, rows_per_class=settings.balance, classes=len(self.label_names), seed=settings.seed
            )
        for part, share in settings.shares.items():
            if part == "validation" and settings.train_rows is not None:
                train, more = fewer(train, settings.train_rows, self.task, settings.seed)
                left_over += more[: settings.most_left_over]
            if part not in held_out:
                # Validation is split off what test has left, of which its share is larger.
                is_of_remainder = part == "validation" and source.test is None and settings.train_rows is None
                self._check_classes(train, fewest)
                train, held_out[part] = self._split(train, share / (1 - settings.test) if is_of_remainder else share)
        self._check_classes(train, fewest)
        for part, rows in held_out.items():
            if not len(rows):
                raise RequestError(f"all {part} rows are in another part too; give different rows for each")
        return train, held_out, left_over

    def hidden(self, rows: Rows) -> Rows:
        """The rows without their labels."""
        return replace(rows, targets=self.task.unlabelled(len(rows), len(self.label_names)))

    def far_rows(self, train: Rows, near: NearTest | None) -> Rows:
        """The train rows that are not near test rows. Raises RequestError where a class has no others."""
        if near is None:
            return train
        far = train.take(near.far_rows("train", train.items))
        counts = self.task.rows_per_name(far.targets, len(self.label_names))
        before = self.task.rows_per_name(train.targets, len(self.label_names))
        lost = [] if counts is None or before is None else np.flatnonzero((before > 0) & (counts == 0)).tolist()
        if lost or not len(far):
            of_class = f" of the {self.task.noun} '{self.label_names[lost[0]]}'" if lost else ""
            raise RequestError(
                f"all train rows{of_class} are near-duplicates of test rows; add others, or leave "
                "--drop-near-duplicates out"
            )
        return far

    def _rows(self, table: Table, *, without: set[str], fewest_words: int = 0) -> Rows:
        """The first of each group of equal items, less those in `without` and those of too few words."""
        kind, seen_keys, row_numbers = MODALITIES[table.modality], set(without), []
        for number, item in enumerate(table.items):
            key = kind.key(item)
            if key not in seen_keys and has_words(item, fewest_words):
                seen_keys.add(key)
                row_numbers.append(number)
        labels = table.labels or []
        return Rows(
            items=[table.items[number] for number in row_numbers],
            targets=self.task.targets([labels[number] for number in row_numbers], self.label_names),
            modality=table.modality,
        )

    def _split(self, rows: Rows, share: float) -> tuple[Rows, Rows]:
        """The rows less a stratified share of them, and that share; a stratum of one row keeps it."""
        from sklearn.model_selection import train_test_split

        strata, counts = np.unique(self.task.strata(rows.targets), return_inverse=True, return_counts=True)[1:]
        # scikit-learn wants at least one row of each stratum on both sides, and refuses a stratum of one row.
        held_out_count = max(round(share * len(rows)), len(counts))
        is_alone = counts[strata] == 1
        divisible = np.flatnonzero(~is_alone)
        if min(len(rows), len(divisible)) - held_out_count < (counts > 1).sum():
            raise RequestError(
                f"{len(rows)} different rows are too few to hold out {share:.0%}; add rows, or give a test file"
                + (", or leave data.balance out" if self.settings.balance else "")
            )
        remaining_rows, held_out_rows = train_test_split(
            divisible, test_size=held_out_count, stratify=strata[divisible], random_state=self.settings.seed
        )
        return rows.take(np.sort([*remaining_rows, *np.flatnonzero(is_alone)])), rows.take(np.sort(held_out_rows))

    def _check_classes(self, rows: Rows, fewest: int) -> None:
        counts = self.task.rows_per_name(rows.targets, len(self.label_names))
        if counts is None or self.settings.labelled_by_teacher or self.settings.classes:
            return
        fewest = min(fewest, self.task.most_rows_needed)
        rare_names = [
            (name, count) for name, count in zip(self.label_names, counts.tolist(), strict=True) if count < fewest
        ]
        if rare_names:
            name, count = rare_names[0]
            advice = "; for numbers as answers set --task regression" if are_measurements(self.label_names) else ""
            raise RequestError(
                f"{self.task.noun} '{name}' has {count} different row(s) to train on; each {self.task.noun} needs at "
                f"least {fewest} in every stage of splitting: add rows or leave the {self.task.noun} out{advice}"
            )
