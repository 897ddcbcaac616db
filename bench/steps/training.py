"""The steps that train: the teacher, and one student for one objective."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tokenizers import Tokenizer

from bench.recipe.objective import Objective
from bench.recipe.recipe import Student
from bench.steps.data import fine_tuned_labels
from bench.steps.taught_rows import taught_rows, teacher_logits_of
from bench.steps.vocabulary import Vocabulary, read_vectors
from bench.steps.workplace import Workplace
from encoders.text_encoder import TextEncoder
from materials.errors import RequestError
from materials.files import digest
from materials.rows import Rows, Splits
from materials.splits.split import load_splits
from materials.stages import Stage
from materials.weights import WeightsFolder
from students import STUDENTS

if TYPE_CHECKING:
    from students.checkpoint import StudentShape
    from training.history import Epoch
    from training.loop import Examples, TrainingSettings

HISTORY = "history.json"
PROGRESS = "progress.pt"


def train_teacher(work: Workplace, weights: WeightsFolder, splits: Path, seed: int) -> Path:
    """The checkpoint of the fine-tuned teacher; weights that are fine-tuned already are used as they are."""
    teacher = work.recipe.teacher
    inputs: dict[str, Any] = {
        "weights": weights.digest,
        "settings": teacher.as_inputs("formats", "weights"),
    }
    loaded = load_splits(splits)
    inputs |= {"labels": list(loaded.label_names)}
    if fine_tuned_labels(weights) is None:  # other transfer or test rows make no other teacher
        parts = (loaded.train, loaded.validation)
        inputs |= {"rows": digest([[part.items, part.targets.tolist()] for part in parts]), "seed": seed}

    stage = Stage(name="teacher", version=1, inputs=inputs)

    def make(folder: Path) -> None:
        from teachers import TEACHERS
        from training.loop import Examples, TrainingSettings, train
        from training.objectives import OBJECTIVES

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
                Examples(encoded=encode(loaded.train.items), targets=loaded.train.targets),
                Examples(encoded=encode(loaded.validation.items), targets=loaded.validation.targets),
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
                keep=_progress_file(work, stage, f"teacher, seed {seed}"),
            )
        _save_history(history, folder)
        kind.save(classifier, folder)

    return work.store.get(stage, make)


def train_student(
    work: Workplace,
    student: Student,
    objective: Objective,
    *,
    splits: Path,
    vocabulary: Vocabulary,
    teacher: Path,
    logits: Path | None,
    seed: int,
) -> Path:
    """The checkpoint of a student trained for one objective, from the stored logits of a teacher.

    The teacher itself, a checkpoint, is run only for an objective that asks for it in every epoch.
    """
    stage = _student_stage(student, objective, splits=splits, vocabulary=vocabulary, logits=logits, seed=seed)

    def make(folder: Path) -> None:
        from students.checkpoint import build_student, save_student, student_encoder
        from training.loop import train
        from training.objectives import OBJECTIVES

        title = f"{student.title} {objective.title}"
        examples = partial(
            _examples, work, student=student, objective=objective, teacher=teacher, logits=logits, seed=seed
        )
        with work.screen.step(f"{title}, seed {seed}") as report, _refusing_divergence(title):
            loaded = load_splits(splits)
            tokenizer = Tokenizer.from_file(str(vocabulary.file))
            shape = _shape(student, tokenizer, vocabulary.padding, loaded.label_names)
            module = build_student(shape, vectors=read_vectors(work, student, tokenizer), seed=seed)
            encoder = student_encoder(vocabulary.file, shape)
            history = train(
                module,
                examples(loaded, encoder),
                _labelled(encoder, loaded.validation),
                encoder=encoder,
                objective=OBJECTIVES[objective.name],
                settings=_settings(work, student, objective, loaded, seed),
                report=report,
                test=_labelled(encoder, loaded.test),
                keep=_progress_file(work, stage, f"{title}, seed {seed}"),
                observe=lambda epoch: _judge_untrained(work, title, epoch, loaded),
            )
            save_student(module, shape, tokenizer, folder)
            _save_history(history, folder)

    return work.store.get(stage, make)


def _student_stage(
    student: Student, objective: Objective, *, splits: Path, vocabulary: Vocabulary, logits: Path | None, seed: int
) -> Stage:
    inputs = {
        "splits": splits.name,
        "vocabulary": vocabulary.folder.name,
        "logits": logits.name if logits else None,
        "student": student.as_inputs("name"),
        "objective": objective.as_inputs("exported"),
        "student_version": STUDENTS[student.architecture].version,
        "seed": seed,
    }
    return Stage(name="student", version=3, inputs=inputs)


def _progress_file(work: Workplace, stage: Stage, title: str) -> Path:
    """Where the epochs done are kept; says so where a training that was stopped has left some."""
    file = work.store.work_folder(stage) / PROGRESS
    if file.exists():
        work.screen.notice(f"{title}: goes on from the last whole epoch of a run that was stopped")
    return file


def _labelled(encoder: TextEncoder, rows: Rows) -> "Examples":
    from training.loop import Examples

    return Examples(encoded=encoder.encode(rows.items), targets=rows.targets)


def _judge_untrained(work: Workplace, title: str, epoch: "Epoch", splits: Splits) -> None:
    """Say so when a student seems to know something before it is trained."""
    from training.history import untrained_fault

    if epoch.epoch == 0:
        fault = untrained_fault(epoch.validation, splits.validation.targets, len(splits.label_names))
        if fault:
            work.screen.notice(f"{title}: {fault}")


def _save_history(history: "Sequence[Epoch]", folder: Path) -> None:
    from training.history import as_records

    (folder / HISTORY).write_text(json.dumps(as_records(history), indent=1), encoding="utf-8")


@contextmanager
def _refusing_divergence(title: str) -> Iterator[None]:
    """Turn a loss that is no longer a number into a sentence that names the model."""
    from training.loop import Diverged

    try:
        yield
    except Diverged as error:
        raise RequestError(f"{title}: {error}") from None


def _shape(student: Student, tokenizer: Tokenizer, padding: int, label_names: tuple[str, ...]) -> "StudentShape":
    from students.checkpoint import StudentShape
    from students.vocabulary import words_of

    return StudentShape(
        architecture=student.architecture,
        words=len(words_of(tokenizer)),
        dimensions=student.dimensions,
        label_names=label_names,
        max_length_tokens=student.max_length_tokens,
        settings=student.settings,
        padding=padding,
    )


def _examples(
    work: Workplace,
    splits: Splits,
    encoder: TextEncoder,
    *,
    student: Student,
    objective: Objective,
    teacher: Path,
    logits: Path | None,
    seed: int,
) -> "Examples":
    """The rows to train on: the labelled ones, and the transfer rows where the objective asks for them."""
    from students.vocabulary import without_mask
    from training.loop import Examples

    chosen = taught_rows(work.recipe, splits, objective=objective, logits=logits, seed=seed)
    labelled, transfer = splits.train.items, [splits.transfer.items[row] for row in chosen]
    labels = np.concatenate([splits.train.targets, splits.transfer.targets[chosen]])
    teacher_logits = run_teacher = None
    if logits is not None:
        teacher_logits = teacher_logits_of(work.recipe, splits, logits=logits, transfer=chosen)
    if objective.teacher_every_epoch:
        run_teacher = _running(work, teacher, labelled + transfer)
    if student.tokenizer == "own":
        transfer = without_mask(transfer, splits.mask_token)
    encoded = encoder.encode(labelled + transfer)
    return Examples(encoded=encoded, targets=labels, teacher_logits=teacher_logits, teacher=run_teacher)


def _running(work: Workplace, checkpoint: Path, texts: list[str]) -> "Callable[[np.ndarray], np.ndarray]":
    """The logits of a teacher for some of the texts, by their numbers, computed anew each time, in fp32."""
    from teachers import TEACHERS
    from training.loop import predict_logits

    device = work.recipe.device
    teacher = TEACHERS[work.recipe.teacher.architecture].load(checkpoint)
    encoded, module = teacher.encoder.encode(texts), teacher.module.to(device)
    return lambda rows: predict_logits(module, encoded.take(rows), teacher.encoder, device=device, bf16=False)


def _settings(work: Workplace, student: Student, objective: Objective, splits: Splits, seed: int) -> "TrainingSettings":
    from training.loop import TrainingSettings

    epochs = objective.epochs or (student.transfer_epochs if objective.transfer else student.epochs)
    if objective.match_steps:
        rows = len(splits.train) + len(splits.chosen_transfer(objective.match_steps))
        steps = student.transfer_epochs * -(-rows // student.batch_size)
        epochs = -(-steps // -(-len(splits.train) // student.batch_size))
    return TrainingSettings(
        epochs=epochs,
        batch_size=student.batch_size,
        learning_rate=student.learning_rate,
        optimiser=student.optimiser,
        schedule=student.schedule,
        weight_decay=student.weight_decay,
        largest_gradient_norm=student.largest_gradient_norm,
        temperature=objective.temperature,
        alpha=objective.alpha,
        bf16=STUDENTS[student.architecture].bf16,
        bf16_scores=False,
        seed=seed,
        device=work.recipe.device,
    )
