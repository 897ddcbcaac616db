"""The steps of a teacher that is a file of answers: which rows it knows, and what stands for its outputs."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from bench.steps.models import Model, unexported
from bench.steps.sources import describe_sources
from bench.steps.workplace import SeedPlace, Workplace
from export.bundle import write_bundle
from materials.errors import RequestError
from materials.files import sha256_of
from materials.modalities import Item
from materials.rows import Rows, Source, Table
from materials.sources.answers import Answers, read_answers
from materials.stages import Stage
from materials.weights import WeightsFolder

GIVEN_FORMAT = "answers"
LOGITS = "logits.npy"


def find_answers(work: Workplace) -> WeightsFolder:
    """The file of answers in the place of a teacher's weights. Raises RequestError where it is not there."""
    path = Path(work.recipe.teacher.weights)
    if not path.is_file():
        raise RequestError(f"there is no file {path} of answers; expected CSV, TSV, JSONL or Parquet as --teacher")
    return WeightsFolder(path=path, digest=sha256_of(path), licence="unknown (a file of answers)")


def answered_rows(work: Workplace, source: Source, transfer: Table | None) -> tuple[Source, Table | None, Answers]:
    """The train and transfer rows that have an answer; where no row has a label, the answers stand for labels.

    Held-out rows with labels stay as they are. Raises RequestError where no train row has an answer.
    """
    answers = _read(work, source)
    train = _answered(work, source.train, answers)
    if not train.items:
        raise RequestError(
            f"{work.recipe.teacher.weights} has an answer for none of the {len(source.train.items):,} rows of "
            f"{work.recipe.data.train}; expected the same texts, character by character"
        )
    sentences = [*answers.notes, *_missing("train", source.train, train)]
    if source.train.labels is None:
        sentences.append(
            "the rows have no labels: the teacher's answers stand for them, so quality is agreement with it"
        )
    held_out = {}
    for part in ("validation", "test"):
        table: Table | None = getattr(source, part)
        if table is not None:
            held_out[part] = table if table.labels is not None else _answered(work, table, answers)
            sentences += _missing(part, table, held_out[part])
            if not held_out[part].items:
                raise RequestError(f"{work.recipe.teacher.weights} has an answer for none of the {part} rows")
    for sentence in sentences:
        work.screen.notice(sentence)
    if transfer is not None:
        answered_transfer = _answered(work, transfer, answers, with_labels=False)
        for sentence in _missing("transfer", transfer, answered_transfer):
            work.screen.notice(sentence)
        transfer = answered_transfer
    return replace(source, train=train, **held_out), transfer, answers


def given_teacher(place: SeedPlace) -> Model:
    """The teacher with its answers for test rows as its only file, or without one where an answer is missing."""
    model = Model(title="teacher", role="teacher", seed=place.seed, splits=place.splits)
    logits, missing = _logits_for(place, place.rows.test.items)
    if missing:
        place.work.screen.notice(f"the teacher has no answer for {missing:,} test rows, so its quality is not known")
        return model
    licences = {"answers": place.weights.licence, **describe_sources(place.work.recipe)}

    def make(folder: Path) -> None:
        np.save(folder / LOGITS, logits)
        kind = {"format": GIVEN_FORMAT, "runtime": GIVEN_FORMAT, "architecture": place.work.recipe.teacher.architecture}
        write_bundle(
            unexported(
                place, folder, **kind, model=model.title, model_file=LOGITS, licences=licences, parity="reference"
            )
        )

    inputs = {"answers": place.weights.digest, "splits": place.splits.name}
    return model.exported({GIVEN_FORMAT: place.work.store.get(Stage(name="answers", version=1, inputs=inputs), make)})


def given_outputs(place: SeedPlace, kinds: bool | tuple[str, ...]) -> Path:
    """The folder with the answers for train and transfer rows, as `teachers.knowledge` stores outputs."""
    inputs = {"answers": place.weights.digest, "splits": place.splits.name, "transfer": kinds}

    def make(folder: Path) -> None:
        from teachers.knowledge import save_knowledge
        from training.outputs import Outputs

        rows = place.rows
        items = rows.train.items + rows.transfer.take(rows.chosen_transfer(kinds)).items
        logits, missing = _logits_for(place, items)
        if missing:
            raise RequestError(
                f"{place.weights.path} has no answer for {missing:,} transfer rows, such as rows made up of others; "
                "leave data.augmentation out"
            )
        save_knowledge(Outputs(logits=logits), items, rows.modality, folder)

    return place.work.store.get(Stage(name="knowledge", version=1, inputs=inputs), make)


def answers_for(place: SeedPlace, rows: Rows) -> np.ndarray | None:
    """The answers for some rows as logits, (rows, classes); none where one is missing."""
    logits, missing = _logits_for(place, rows.items)
    return None if missing else logits


def _logits_for(place: SeedPlace, items: Sequence[Item]) -> tuple[np.ndarray, int]:
    """The answers for the items that have one, (answered items, classes), and how many have none."""
    answers = _read(place.work, None, place.rows.label_names)
    numbers = answers.rows_of(items)
    is_answered = numbers >= 0
    return answers.logits[numbers[is_answered]], int((~is_answered).sum())


def _read(work: Workplace, source: Source | None, names: tuple[str, ...] | None = None) -> Answers:
    data = work.recipe.data
    if names is None and data.classes is not None:
        names = tuple(data.classes)
    if names is None and source is not None:
        tables = [table for table in (source.train, source.validation, source.test) if table is not None]
        labels = [label for table in tables for label in table.labels or ()]
        names = work.recipe.task.label_names(labels) if labels else None
    return read_answers(
        Path(work.recipe.teacher.weights),
        text=data.text,
        text_pair=data.text_pair,
        names=names,
        task=work.recipe.task,
        separator=data.separator,
    )


def _answered(work: Workplace, table: Table, answers: Answers, *, with_labels: bool = True) -> Table:
    """The rows with an answer, and the teacher's decisions as labels where there are none."""
    numbers = answers.rows_of(table.items)
    rows = np.flatnonzero(numbers >= 0).tolist()
    labels = None
    if table.labels is not None:
        labels = [table.labels[row] for row in rows]
    elif with_labels:
        decisions = np.asarray(work.recipe.task.decide(answers.logits[numbers[rows]]))
        labels = work.recipe.task.labels_of(decisions, answers.names)
    return replace(table, items=[table.items[row] for row in rows], labels=labels)


def _missing(part: str, before: Table, after: Table) -> list[str]:
    missing = len(before.items) - len(after.items)
    return [f"{missing:,} {part} rows have no answer of the teacher and are left out"] if missing else []
