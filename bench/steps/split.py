"""The step that splits: the train, validation, test and transfer rows of one seed."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.recipe.objective import named_kinds
from bench.steps.sources import read_source, read_transfer, source_digest
from bench.steps.teacher import answers_of, fine_tuned_labels
from bench.steps.workplace import Workplace
from materials.errors import RequestError
from materials.files import read_json_object
from materials.rows import TRANSFER_KINDS, Splits
from materials.splits.augmentation import Augmentation
from materials.splits.split import SplitSettings, make_splits
from materials.splits.store import load_splits, save_splits
from materials.stages import Stage
from materials.weights import WeightsFolder


def split(work: Workplace, weights: WeightsFolder, seed: int) -> Path:
    """The folder with the splits of one seed. Labels that the data lacks come from a fine-tuned teacher."""
    data = work.recipe.data
    augmentation = _augmentation(work, weights)

    def make(folder: Path) -> None:
        with work.screen.step(f"splits of seed {seed}") as report:
            source, transfer = read_source(work, report), read_transfer(work, report)
            labelled_by_teacher = source.train.labels is None
            if labelled_by_teacher:
                source = replace(source, train=answers_of(work, weights, source.train))
            splits = make_splits(
                source,
                transfer,
                SplitSettings(
                    validation=data.validation_share,
                    test=data.test_share,
                    transfer_rows=data.transfer_rows if data.transfer else None,
                    seed=seed,
                    balance=data.balance,
                    fewest_words=data.fewest_words,
                    augmentation=augmentation,
                    labelled_by_teacher=labelled_by_teacher,
                ),
                task=work.recipe.task,
                label_order=fine_tuned_labels(weights),
            )
            save_splits(splits, folder)
        work.screen.notice(_counts(splits))
        tables = (source.train, source.validation, source.test, transfer)
        if dropped := sum(table.dropped for table in tables if table):
            work.screen.notice(f"{dropped:,} rows without an item or a label are left out")

    return work.store.get(_stage(work, weights, seed, augmentation), make)


def check_transfer(work: Workplace, splits: Path) -> None:
    """Raise RequestError when an objective asks for transfer rows and the splits have none of their kinds."""
    rows, source = load_splits(splits), work.recipe.data.transfer
    reasons = {
        "other": f"every text of {source} stands in the labelled rows already, or has too few words" if source else "",
        "rest": "no class has more rows than it keeps" if work.recipe.data.balance else "",
        "augmented": "every made-up row stands in the labelled rows already" if work.recipe.data.augmentation else "",
    }
    for objective in work.recipe.objectives:
        if objective.transfer and not len(rows.chosen_transfer(objective.transfer)):
            why = "; ".join(reasons[kind] for kind in named_kinds(objective.transfer) or reasons if reasons[kind])
            raise RequestError(
                f"objective '{objective.title}' asks for transfer rows, but none are left: {why}; "
                "give others with --transfer-data"
            )


def _stage(work: Workplace, weights: WeightsFolder, seed: int, augmentation: Augmentation | None) -> Stage:
    data = work.recipe.data
    sources = {part: source_digest(getattr(data, part)) for part in ("train", "validation", "test", "transfer")}
    settings = data.as_inputs("train", "validation", "test", "transfer", "licence")
    inputs: dict[str, Any] = {"sources": sources, "settings": settings, "seed": seed, "teacher": None}
    if augmentation:
        inputs["mask_token"] = augmentation.mask_token
    if weights.is_classifier:  # it decides the order of the labels, and the labels themselves where there are none
        teacher = work.recipe.teacher
        inputs["teacher"] = [weights.digest, teacher.architecture, teacher.max_length_tokens]
    return Stage(name="splits", version=5, inputs=inputs)


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
    return Augmentation(**settings.model_dump(), mask_token=mask_tokens[0] if mask_tokens else "")
