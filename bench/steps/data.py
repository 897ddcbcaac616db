"""The steps that read data: the teacher's weights, and the splits of one seed."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.recipe.objective import named_kinds
from bench.recipe.recipe import Data, Student
from bench.steps.workplace import Workplace
from materials.archives import Report
from materials.catalogue import DATASETS, VECTORS, WEIGHTS, fetch_folder
from materials.errors import RequestError
from materials.files import read_json_object, sha256_of
from materials.hub_files import is_on_hub, local_file
from materials.licences import UNKNOWN_FILE, marked, source_name
from materials.rows import TRANSFER_KINDS, Source, Splits, Table
from materials.sources.table_file import read_table, read_texts
from materials.splits.augmentation import Augmentation
from materials.splits.split import load_splits, make_splits, save_splits
from materials.stages import Stage
from materials.weights import WeightsFolder, find_weights, is_hub_name


def find_teacher_weights(work: Workplace) -> WeightsFolder:
    """The teacher's pretrained or fine-tuned weights, fetched when they are not there."""
    name = work.recipe.teacher.weights
    with work.screen.step(f"weights {name}") as report:
        return find_weights(name, work.root, report=report)


def check_sources(work: Workplace) -> None:
    """Read the recipe's own files and look for its model folder; fetch nothing. Raises RequestError as a run would."""
    data, weights = work.recipe.data, work.recipe.teacher.weights
    for name in (data.train, data.validation, data.test):
        if name and name not in DATASETS and not is_on_hub(name):
            _read_file(data, Path(name))
    if data.transfer and data.transfer not in DATASETS and not is_on_hub(data.transfer):
        _read_transfer_file(data, Path(data.transfer))
    if weights not in WEIGHTS and (Path(weights).is_dir() or not is_hub_name(weights)):
        find_weights(weights, work.root, report=lambda done, total: None)


def split(work: Workplace, weights: WeightsFolder, seed: int) -> Path:
    """The folder with the splits of one seed. Labels that the data lacks come from a fine-tuned teacher."""
    data = work.recipe.data
    sources = {part: _digest(getattr(data, part)) for part in ("train", "validation", "test", "transfer")}
    settings = data.as_inputs("train", "validation", "test", "transfer", "licence")
    inputs: dict[str, Any] = {"sources": sources, "settings": settings, "seed": seed, "teacher": None}
    augmentation = _augmentation(work, weights)
    if augmentation:
        inputs["mask_token"] = augmentation.mask_token
    if weights.is_classifier:  # it decides the order of the labels, and the labels themselves where there are none
        teacher = work.recipe.teacher
        inputs["teacher"] = [weights.digest, teacher.architecture, teacher.max_length_tokens]

    def make(folder: Path) -> None:
        with work.screen.step(f"splits of seed {seed}") as report:
            source = _read_source(work, report)
            if source.train.labels is None:
                source = replace(source, train=_label_by_teacher(work, weights, source.train))
            extra = _read_transfer(work, report)
            splits = make_splits(
                source,
                extra,
                validation=data.validation_share,
                test=data.test_share,
                transfer_rows=data.transfer_rows,
                seed=seed,
                label_order=fine_tuned_labels(weights),
                balance=data.balance,
                fewest_words=data.fewest_words,
                augmentation=augmentation,
            )
            save_splits(splits, folder)
            work.screen.notice(_counts(splits))
            if dropped := sum(
                table.dropped for table in (source.train, source.validation, source.test, extra) if table
            ):
                work.screen.notice(f"{dropped:,} rows without a text or a label are left out")

    return work.store.get(Stage(name="splits", version=4, inputs=inputs), make)


def check_transfer(work: Workplace, splits: Path) -> None:
    """Raise RequestError when an objective asks for transfer rows and the splits have none of their kinds."""
    loaded, source = load_splits(splits), work.recipe.data.transfer
    reasons = {
        "other": f"every text of {source} stands in the labelled rows already, or has too few words" if source else "",
        "rest": "no class has more rows than it keeps" if work.recipe.data.balance else "",
        "augmented": "every made-up row stands in the labelled rows already" if work.recipe.data.augmentation else "",
    }
    for objective in work.recipe.objectives:
        if objective.transfer and not len(loaded.chosen_transfer(objective.transfer)):
            why = "; ".join(reasons[kind] for kind in named_kinds(objective.transfer) or reasons if reasons[kind])
            raise RequestError(
                f"objective '{objective.title}' asks for transfer rows, but none are left: {why}; "
                "give others with --transfer-data"
            )


def _counts(splits: Splits) -> str:
    """How many rows each part has, and of which kinds the transfer rows are."""
    kinds = {kind: len(splits.chosen_transfer([kind])) for kind in TRANSFER_KINDS}
    transfer = ", ".join(f"{count:,} {kind}" for kind, count in kinds.items() if count) or "none"
    parts = f"train {len(splits.train):,}, validation {len(splits.validation):,}, test {len(splits.test):,}"
    return f"rows: {parts}; for transfer: {transfer}"


def fine_tuned_labels(weights: WeightsFolder) -> tuple[str, ...] | None:
    """The label names of fine-tuned weights in the order of their outputs; none for a body without a head."""
    return weights.label_names if weights.is_classifier else None


def _augmentation(work: Workplace, weights: WeightsFolder) -> Augmentation | None:
    """How rows are made from train rows, with the token by which the teacher knows a masked word."""
    settings = work.recipe.data.augmentation
    if settings is None:
        return None
    tokens = read_json_object(weights.path / "tokenizer.json").get("added_tokens") or []
    named = [token["content"] for token in tokens if token["content"].strip("<>[]|").lower() == "mask"]
    if not named and settings.mask_share:
        raise RequestError(
            f"the tokenizer of {work.recipe.teacher.weights} has no token for a masked word, such as [MASK]; "
            "set data.augmentation.mask_share to 0"
        )
    return Augmentation(**settings.model_dump(), mask_token=named[0] if named else "")


def _digest(name: str | None) -> str | None:
    """What a source's content is known by."""
    if name is None:
        return None
    if name in DATASETS:
        return f"{name} {DATASETS[name].archive.sha256}"
    file = local_file(name)
    return sha256_of(file) if file.is_file() else name


def _read_source(work: Workplace, report: Report) -> Source:
    data = work.recipe.data
    if data.train in DATASETS:
        source = DATASETS[data.train].read(fetch_folder(DATASETS[data.train], work.root, report))
    else:
        source = Source(train=_read_file(data, local_file(data.train)))
    official = {
        part: _read_part(work, name, part, report) for part in ("validation", "test") if (name := getattr(data, part))
    }
    return replace(source, **official)


def _read_part(work: Workplace, name: str, part: str, report: Report) -> Table:
    data = work.recipe.data
    if name in DATASETS:
        return DATASETS[name].read(fetch_folder(DATASETS[name], work.root, report)).rows_for(part)
    return _read_file(data, local_file(name))


def _read_transfer(work: Workplace, report: Report) -> Table | None:
    data = work.recipe.data
    name = data.transfer
    if name is None:
        return None
    if name in DATASETS:
        return DATASETS[name].read(fetch_folder(DATASETS[name], work.root, report)).train
    return _read_transfer_file(data, local_file(name))


def _read_file(data: Data, path: Path) -> Table:
    return read_table(path, text=data.text, label=data.label, drop_missing=data.drop_missing)


def _read_transfer_file(data: Data, path: Path) -> Table:
    """Its column is named as that of the other files, or by data.transfer_text."""
    option = "--text" if data.train in DATASETS else "--set data.transfer_text=COLUMN"
    return read_texts(path, text=data.transfer_text or data.text, option=option, drop_missing=data.drop_missing)


def _label_by_teacher(work: Workplace, weights: WeightsFolder, table: Table) -> Table:
    from teachers import TEACHERS
    from training.loop import predict_logits

    if not weights.is_classifier:
        raise RequestError(
            f"{work.recipe.data.train} has no column 'label'; name the label column with --label, or give a fine-tuned "
            "classifier with --teacher, which then labels the rows"
        )
    work.screen.notice(
        "the rows have no labels: the teacher's own predictions stand for them, so quality is agreement with it"
    )
    settings = work.recipe.teacher
    teacher = TEACHERS[settings.architecture].open(weights.path, max_length_tokens=settings.max_length_tokens)
    encoded = teacher.encoder.encode(table.items)
    predicted = predict_logits(teacher.module, encoded, teacher.encoder, bf16=False).argmax(axis=1)
    return Table(items=table.items, labels=[weights.label_names[number] for number in np.asarray(predicted)])


def describe_sources(work: Workplace, student: Student | None) -> dict[str, str]:
    """The licences of the data and word vectors that a model is made from, for its bundle."""
    data = work.recipe.data
    names = [name for name in (data.train, data.validation, data.test, data.transfer) if name]
    own = marked(data.licence) if data.licence else UNKNOWN_FILE
    licences = {
        name if name in DATASETS else source_name(name): DATASETS[name].licence if name in DATASETS else own
        for name in names
    }
    if student and student.vectors:
        licences[student.vectors] = VECTORS[student.vectors].archive.licence
    return licences
