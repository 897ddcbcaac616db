"""The step that splits: the train, validation, test and transfer rows of one seed."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.recipe.data import Data
from bench.recipe.objective import named_kinds
from bench.steps.answering.given import answered_rows, find_answers
from bench.steps.sources import (
    checked,
    find_looks,
    own_weights,
    read_own_source,
    read_own_transfer,
    read_source,
    read_transfer,
    source_digests,
)
from bench.steps.teacher import answers_of, fine_tuned_labels
from bench.steps.workplace import Workplace
from materials.errors import RequestError
from materials.files import read_json_object
from materials.rows import TRANSFER_KINDS, Source, Splits, Table
from materials.sources.class_names import read_new_names
from materials.splits.augmentation import FEWEST_OF_A_CLASS, MADE_ROWS, MOST_COPIES, Augmentation, copies_for
from materials.splits.split import SplitSettings, make_splits, rows_of_rarest
from materials.splits.store import load_splits, save_splits
from materials.stages import Stage
from materials.weights import WeightsFolder

MOST_NAMES = 12
IMAGE_CHECK = 1  # the version of what the check of images leaves out


def split(work: Workplace, weights: WeightsFolder, seed: int) -> Path:
    """The folder with the splits of one seed. Labels that the data lacks come from a fine-tuned teacher."""
    data = work.recipe.data
    augmentation, looks = _augmentation(work, weights), find_looks(work)

    def make(folder: Path) -> None:
        with work.screen.step(f"splits of seed {seed}") as report:
            source, transfer = checked(read_source(work, report), read_transfer(work, report), looks)
            names = fine_tuned_labels(weights, work.recipe.teacher)
            labelled_by_teacher = source.train.labels is None and not work.recipe.is_label_free
            if work.recipe.teacher.is_given:
                source, transfer, answers = answered_rows(work, source, transfer)
                names = answers.names
            elif labelled_by_teacher:
                source = replace(source, train=answers_of(work, weights, source.train))
            splits = make_splits(
                source,
                transfer,
                _settings(
                    data,
                    seed,
                    hides_labels=work.recipe.is_label_free,
                    augmentation=augmentation,
                    labelled_by_teacher=labelled_by_teacher,
                ),
                task=work.recipe.task,
                label_order=names,
            )
            save_splits(splits, folder)
        notices = (*_names(splits), *_none_made_up(splits, augmentation), *_left_out(source, transfer, splits, data))
        for sentence in (_counts(splits), *notices):
            work.screen.notice(sentence)

    return work.store.get(split_stage(work, weights, seed), make)


def check_split(work: Workplace) -> None:
    """Read and split the user's own rows, and look for their own teacher; fetch and store nothing.

    Raises RequestError as a run would.
    """
    read_own_transfer(work)
    weights = own_weights(work)
    source = read_own_source(work)
    if work.recipe.teacher.is_given:
        find_answers(work)
        if source is not None:
            answered_rows(work, source, None)
        return
    has_labels = source is not None and source.train.labels is not None
    if source is None or not (has_labels or work.recipe.is_label_free):  # answers decide how such rows are split
        return
    label_order = fine_tuned_labels(weights, work.recipe.teacher) if weights else None
    settings = _settings(work.recipe.data, work.recipe.seeds[0], hides_labels=work.recipe.is_label_free)
    settings = replace(settings, transfer_rows=None)
    make_splits(source, None, settings, task=work.recipe.task, label_order=label_order)


def check_transfer(work: Workplace, splits: Path) -> None:
    """Raise RequestError when an objective asks for transfer rows and the splits have none of their kinds.

    Where only made-up rows are asked for, and the rule makes none, none is an answer too.
    """
    rows, data = load_splits(splits), work.recipe.data
    reasons = {
        "other": f"every text of {data.transfer} stands in the labelled rows already, or has too few words"
        if data.transfer
        else "",
        "rest": "all rows keep their labels" if data.balance or data.train_rows else "",
        "augmented": "every made-up row stands in the labelled rows already" if data.augmentation else "",
    }
    by_rule = data.augmentation is not None and data.augmentation.copies == "auto" and _makes_none(rows)
    for objective in work.recipe.objectives:
        kinds = objective.transfer or objective.match_steps
        asked = [kind for kind in named_kinds(kinds) or reasons if reasons[kind]]
        if kinds and not len(rows.chosen_transfer(kinds)) and not (by_rule and asked == ["augmented"]):
            why = "; ".join(reasons[kind] for kind in asked)
            raise RequestError(
                f"objective '{objective.title}' asks for transfer rows, but none are left: {why}; "
                "give others with --transfer-data"
            )


def _makes_none(splits: Splits) -> bool:
    """Whether the rule makes up no rows of these train rows."""
    rarest = rows_of_rarest(splits.task, splits.train, len(splits.label_names))
    return not copies_for(len(splits.train), rarest)


def split_stage(work: Workplace, weights: WeightsFolder, seed: int) -> Stage:
    """The stage of one seed's splits, which tells whether they are stored."""
    data, augmentation = work.recipe.data, _augmentation(work, weights)
    settings = data.as_inputs("train", "validation", "test", "transfer", "licence", "class_names", "views")
    inputs: dict[str, Any] = {"sources": source_digests(work), "settings": settings, "seed": seed, "teacher": None}
    if data.modality == "image":
        inputs["image_check"] = IMAGE_CHECK
    if data.class_names is not None:
        inputs["class_names"] = read_new_names(Path(data.class_names))
    if augmentation and augmentation.mask_share:
        inputs["mask_token"] = augmentation.mask_token
    if augmentation and augmentation.copies is None:
        inputs["copies_by_rule"] = [MADE_ROWS, MOST_COPIES, FEWEST_OF_A_CLASS]
    # A fine-tuned teacher decides the order of the labels, and the labels themselves where there are none.
    if fine_tuned_labels(weights, work.recipe.teacher) is not None:
        teacher = work.recipe.teacher
        inputs["teacher"] = [weights.digest, teacher.architecture, teacher.max_length_tokens]
    if work.recipe.teacher.is_given:
        inputs["teacher"] = weights.digest
    if data.classes is not None:
        inputs["classes"] = list(data.classes)
    return Stage(name="splits", version=5, inputs=inputs)


def _settings(
    data: Data,
    seed: int,
    *,
    hides_labels: bool,
    augmentation: Augmentation | None = None,
    labelled_by_teacher: bool = False,
) -> SplitSettings:
    return SplitSettings(
        validation=data.validation_share,
        test=data.test_share,
        transfer_rows=data.transfer_rows if data.transfer else None,
        seed=seed,
        balance=data.balance,
        train_rows=data.train_rows,
        most_left_over=data.transfer_rows,
        fewest_words=data.fewest_words,
        augmentation=augmentation,
        labelled_by_teacher=labelled_by_teacher,
        classes=tuple(data.classes) if data.classes and hides_labels else None,
        drop_near_duplicates=data.drop_near_duplicates,
    )


def _left_out(source: Source, transfer: Table | None, splits: Splits, data: Data) -> list[str]:
    """Sentences on the rows that are in no part."""
    labelled_tables = [table for table in (source.train, source.validation, source.test) if table]
    all_tables = [*labelled_tables, *([transfer] if transfer else [])]
    # Each once, as one archive may hold several parts.
    sentences = list(dict.fromkeys(note for table in all_tables for note in table.notes))
    if dropped := sum(table.dropped for table in all_tables):
        sentences.append(f"{dropped:,} rows without an item or a label are left out")
    dropped_near = splits.near_duplicates_dropped
    if sum(dropped_near.values()):
        counts = " and ".join(f"{count:,} {part}" for part, count in dropped_near.items() if count)
        sentences.append(f"{counts} rows are left out: each is a near-duplicate of a test row")
    kept = len(splits.train) + len(splits.validation) + len(splits.test) + dropped_near.get("train", 0)
    # What a balance or train_rows leaves over may come back as transfer rows, so that only then rows are not counted.
    if (
        data.balance is None
        and data.train_rows is None
        and (missing := sum(len(table.items) for table in labelled_tables) - kept)
    ):
        too_short = f" or has fewer than {data.fewest_words} words" if data.fewest_words else ""
        sentences.append(f"{missing:,} labelled rows are left out: each is equal to another row{too_short}")
    return sentences


def _names(splits: Splits) -> list[str]:
    """A sentence with the label names, by which a wrong column or separator shows at once; none for numbers."""
    if not splits.task.has_names:
        return []
    names = splits.label_names
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return [f"{len(names)} {splits.task.noun} names: {', '.join(names[:MOST_NAMES])}{more}"]


def _none_made_up(splits: Splits, augmentation: Augmentation | None) -> list[str]:
    """Why the rule makes up no rows, where it does not."""
    if augmentation is None or augmentation.copies is not None or not _makes_none(splits):
        return []
    noun = splits.task.noun
    return [f"no rows are made up of train rows, as the rarest {noun} has fewer than {FEWEST_OF_A_CLASS} of them"]


def _counts(splits: Splits) -> str:
    """How many rows each part has, and of which kinds the transfer rows are."""
    kinds = {kind: len(splits.chosen_transfer([kind])) for kind in TRANSFER_KINDS}
    transfer = ", ".join(f"{count:,} {kind}" for kind, count in kinds.items() if count) or "none"
    parts = f"train {len(splits.train):,}, validation {len(splits.validation):,}, test {len(splits.test):,}"
    return f"rows: {parts}; for transfer: {transfer}"


def _augmentation(work: Workplace, weights: WeightsFolder) -> Augmentation | None:
    """How rows are made from train rows, with the token by which the teacher knows a masked word."""
    settings = work.recipe.data.augmentation
    if settings is None:
        return None
    tokens = read_json_object(weights.path / "tokenizer.json").get("added_tokens") or []
    mask_tokens = [token["content"] for token in tokens if token["content"].strip("<>[]|").lower() == "mask"]
    if not mask_tokens and settings.mask_share:
        raise RequestError(
            f"the tokenizer of {work.recipe.teacher.weights} has no token for a masked word, such as [MASK]; "
            "set data.augmentation.mask_share to 0"
        )
    chosen = settings.model_dump() | {"copies": None if settings.copies == "auto" else settings.copies}
    return Augmentation(**chosen, mask_token=mask_tokens[0] if settings.mask_share else "")
