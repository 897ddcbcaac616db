"""The steps that train: the teacher, and one student for one objective."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tokenizers import Tokenizer

from bench.data_steps import fine_tuned_labels
from bench.recipe import Objective, Student
from bench.workplace import Workplace
from materials.catalogue import VECTORS, fetch_folder
from materials.errors import RequestError
from materials.rows import Splits
from materials.splits import load_splits
from materials.stages import Stage
from materials.weights import WeightsFolder
from materials.word_vectors import WordVectors
from training.text_encoder import TextEncoder

if TYPE_CHECKING:
    from students.checkpoint import StudentShape
    from training.loop import Examples, TrainingSettings


def train_teacher(work: Workplace, weights: WeightsFolder, splits: Path, seed: int) -> Path:
    """The checkpoint of the fine-tuned teacher; weights that are fine-tuned already are used as they are."""
    teacher = work.recipe.teacher
    inputs: dict[str, Any] = {
        "weights": weights.digest,
        "settings": teacher.model_dump(mode="json", exclude={"formats", "weights"}),
    }
    if fine_tuned_labels(weights) is None:
        inputs |= {"splits": splits.name, "seed": seed}
    else:
        inputs |= {"labels": list(load_splits(splits).label_names)}

    def make(folder: Path) -> None:
        from teachers import TEACHERS
        from training.loop import Examples, TrainingSettings, as_records, train
        from training.objectives import OBJECTIVES

        loaded = load_splits(splits)
        names, cut = loaded.label_names, teacher.max_length_tokens
        kind = TEACHERS[teacher.architecture]
        if fine_tuned_labels(weights) is not None:
            kind.save(kind.open(weights.path, label_names=names, max_length_tokens=cut), folder)
            return
        classifier = kind.start(weights.path, names, max_length_tokens=cut, seed=seed)
        encode = classifier.encoder.encode
        with work.screen.step(f"teacher, seed {seed}") as report, _refusing_divergence("teacher"):
            history = train(
                classifier.module,
                Examples(encoded=encode(loaded.train.texts), labels=loaded.train.labels),
                Examples(encoded=encode(loaded.validation.texts), labels=loaded.validation.labels),
                encoder=classifier.encoder,
                objective=OBJECTIVES["hard"],
                settings=TrainingSettings(
                    epochs=teacher.epochs,
                    batch_size=teacher.batch_size,
                    learning_rate=teacher.learning_rate,
                    seed=seed,
                    device=work.recipe.device,
                ),
                report=report,
            )
        (folder / "history.json").write_text(json.dumps(as_records(history)), encoding="utf-8")
        kind.save(classifier, folder)

    return work.store.get(Stage(name="teacher", version=1, inputs=inputs), make)


def train_student(
    work: Workplace,
    student: Student,
    objective: Objective,
    *,
    splits: Path,
    vocabulary: Path,
    logits: Path | None,
    seed: int,
) -> Path:
    """The checkpoint of a student trained for one objective, from the teacher's stored logits; no teacher is run."""
    inputs = {
        "splits": splits.name,
        "vocabulary": vocabulary.name,
        "logits": logits.name if logits else None,
        "student": student.model_dump(mode="json", exclude={"name"}),
        "objective": objective.model_dump(mode="json"),
        "seed": seed,
    }

    def make(folder: Path) -> None:
        from students.checkpoint import build_student, save_student, student_encoder
        from training.loop import Examples, as_records, train
        from training.objectives import OBJECTIVES

        title = f"{student.title} {objective.title}"
        with work.screen.step(f"{title}, seed {seed}") as report, _refusing_divergence(title):
            loaded = load_splits(splits)
            tokenizer = Tokenizer.from_file(str(vocabulary / "tokenizer.json"))
            shape = _shape(student, tokenizer, loaded.label_names)
            module = build_student(shape, vectors=_vectors(work, student, tokenizer), seed=seed)
            encoder = student_encoder(vocabulary / "tokenizer.json", shape)
            history = train(
                module,
                _examples(loaded, objective, logits, encoder),
                Examples(encoded=encoder.encode(loaded.validation.texts), labels=loaded.validation.labels),
                encoder=encoder,
                objective=OBJECTIVES[objective.name],
                settings=_settings(work, student, objective, loaded, seed),
                report=report,
            )
            save_student(module, shape, tokenizer, folder)
            (folder / "history.json").write_text(json.dumps(as_records(history)), encoding="utf-8")

    return work.store.get(Stage(name="student", version=1, inputs=inputs), make)


@contextmanager
def _refusing_divergence(title: str) -> Iterator[None]:
    """Turn a loss that is no longer a number into a sentence that names the model."""
    from training.loop import Diverged

    try:
        yield
    except Diverged as error:
        raise RequestError(f"{title}: {error}") from None


def _shape(student: Student, tokenizer: Tokenizer, label_names: tuple[str, ...]) -> "StudentShape":
    from students.checkpoint import StudentShape

    return StudentShape(
        architecture=student.architecture,
        words=tokenizer.get_vocab_size(),
        dimensions=student.dimensions,
        label_names=label_names,
        max_length_tokens=student.max_length_tokens,
        settings=student.settings,
    )


def _examples(splits: Splits, objective: Objective, logits: Path | None, encoder: TextEncoder) -> "Examples":
    """The rows to train on: the labelled ones, and the transfer rows where the objective asks for them."""
    from teachers.logit_store import load_logits
    from training.loop import Examples

    labelled = splits.train.texts
    texts = labelled + splits.transfer.texts if objective.transfer else labelled
    labels = np.concatenate([splits.train.labels, splits.transfer.labels])[: len(texts)]
    teacher_logits = None
    if logits is not None:
        teacher_logits = np.array(load_logits(logits, labelled + splits.transfer.texts)[: len(texts)])
    return Examples(encoded=encoder.encode(texts), labels=labels, teacher_logits=teacher_logits)


def _settings(work: Workplace, student: Student, objective: Objective, splits: Splits, seed: int) -> "TrainingSettings":
    from training.loop import TrainingSettings

    epochs = student.transfer_epochs if objective.transfer else student.epochs
    if objective.match_steps:
        steps = student.transfer_epochs * -(-(len(splits.train) + len(splits.transfer)) // student.batch_size)
        epochs = -(-steps // -(-len(splits.train) // student.batch_size))
    return TrainingSettings(
        epochs=epochs,
        batch_size=student.batch_size,
        learning_rate=student.learning_rate,
        weight_decay=student.weight_decay,
        temperature=objective.temperature,
        alpha=objective.alpha,
        seed=seed,
        device=work.recipe.device,
    )


def _vectors(work: Workplace, student: Student, tokenizer: Tokenizer) -> WordVectors | None:
    from students.vocabulary import words_of

    if student.vectors is None:
        return None
    entry = VECTORS[student.vectors]
    return entry.read(fetch_folder(entry, work.root, lambda done, total: None), words_of(tokenizer))
