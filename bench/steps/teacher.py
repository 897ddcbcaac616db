"""The step that finds the teacher's weights, and fine-tunes them where they do not answer the recipe's question yet."""

from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.recipe.recipe_student import FROM_TEACHER
from bench.recipe.recipe_teacher import OF_HEADS, Teacher
from bench.steps.answering.given import find_answers
from bench.steps.encoded import lesson_for
from bench.steps.students.new_student import own_body
from bench.steps.training import save_history, say_weights, trained
from bench.steps.workplace import SeedPlace, Workplace
from materials.errors import RequestError
from materials.files import digest, read_json_object
from materials.modalities import Item
from materials.report import silent
from materials.rows import Table
from materials.stages import Stage
from materials.weights import WeightsFolder, find_weights

if TYPE_CHECKING:
    from training.classifier import Classifier
    from training.history import Epoch
    from training.settings import TrainingSettings


def find_teacher_weights(work: Workplace) -> WeightsFolder:
    """The teacher's pretrained or fine-tuned weights, fetched when they are not there.

    Raises RequestError where a student is to start from vectors that are wider than the teacher, and where folds are
    asked of a teacher that is used as it is: which rows it was trained on, nobody knows here.
    """
    if work.recipe.teacher.is_given:
        return find_answers(work)
    name = work.recipe.teacher.weights
    with work.screen.step(f"weights {name}") as report:
        weights = find_weights(name, work.root, report=report)
    if work.recipe.teacher.borrows_embeddings:
        with work.screen.step(f"weights {work.recipe.teacher.embeddings}") as report:
            find_weights(work.recipe.teacher.embeddings, work.root, report=report)
    if work.recipe.teacher.folds and fine_tuned_labels(weights, work.recipe.teacher) is not None:
        raise RequestError(
            f"{name} is fine-tuned already, so it cannot label rows that it was trained without; leave teacher.folds "
            "out, or give weights without a head"
        )
    width = weights.config.get("hidden_size")
    for number, student in enumerate(work.recipe.students):
        if student.is_pretrained:
            body = weights if student.weights == FROM_TEACHER else own_body(work, student)
            if work.recipe.modality == "image" and body.config and "image_size" in student.model_fields_set:
                raise RequestError(
                    f"student {student.title} starts from weights that name the size of their images; leave its "
                    "image_size out"
                )
        for other, candidate in enumerate(student.candidates()):
            if candidate.vectors == FROM_TEACHER and isinstance(width, int) and width < candidate.dimensions:
                place = f"students.{number}" + (f".or_else.{other - 1}" if other else "")
                raise RequestError(
                    f"{student.title} starts from vectors of the teacher with dimensions of {candidate.dimensions}, "
                    f"but {name} is {width} wide; set {place}.dimensions={width}"
                )
    return weights


def fine_tuned_labels(weights: WeightsFolder, teacher: Teacher) -> tuple[str, ...] | None:
    """The label names of fine-tuned weights in the order of their outputs.

    None for a body without a head, for one that gets a new head whatever it had, and for weights whose labels are not
    those of the rows, as of a zero-shot teacher.
    """
    is_used = weights.is_classifier and not teacher.is_zero_shot and not teacher.has_own_head
    return weights.label_names if is_used else None


def train_teacher(place: SeedPlace) -> Path:
    """The checkpoint of the fine-tuned teacher; weights that are fine-tuned already are used as they are."""
    from teachers import TEACHERS

    work, stage = place.work, _stage(place)
    kind = TEACHERS[work.recipe.teacher.architecture]

    def make(folder: Path) -> None:
        if work.recipe.teacher.is_zero_shot:
            kind.save(_answering(place), folder)
        elif fine_tuned_labels(place.weights, work.recipe.teacher) is not None:
            work.screen.notice("the teacher is fine-tuned already and used as it is, whatever its epochs and rates say")
            kind.save(_open(work, place.weights, place.rows.label_names), folder)
        else:
            _fine_tune(place, stage, folder)

    return work.store.get(stage, make)


def answers_of(work: Workplace, weights: WeightsFolder, table: Table) -> Table:
    """The items of a table without labels, with a fine-tuned teacher's answers in their place.

    Raises RequestError for weights that answer nothing yet.
    """
    from training.loop import compute_outputs

    if fine_tuned_labels(weights, work.recipe.teacher) is None:
        raise RequestError(
            f"{work.recipe.data.train} has no column 'label'; name the label column with --label, or give a fine-tuned "
            "classifier with --teacher, which then labels the rows"
        )
    work.screen.notice(
        "the rows have no labels: the teacher's own predictions stand for them, so quality is agreement with it"
    )
    teacher, device, task = _open(work, weights), work.recipe.trained_on, work.recipe.task
    encoded = teacher.encoder.encode(table.items)
    outputs = compute_outputs(teacher.module.to(device), encoded, teacher.encoder, device=device, bf16=False).logits
    labels = task.labels_of(np.asarray(task.decide(outputs)), weights.label_names)
    return Table(items=table.items, labels=labels, modality=table.modality)


def _open(work: Workplace, weights: WeightsFolder, label_names: tuple[str, ...] | None = None) -> "Classifier":
    """A fine-tuned teacher as it is. Raises RequestError when it was fine-tuned for another task than the recipe's."""
    from teachers import TEACHERS

    settings, task = work.recipe.teacher, work.recipe.task
    if weights.task_name != task.name:
        raise RequestError(
            f"the model in {weights.path} was fine-tuned for {weights.task_name}, but the recipe says {task.name}; "
            f"set data.task={weights.task_name}, or give another teacher"
        )
    return TEACHERS[settings.architecture].open(
        weights.path,
        label_names=label_names,
        max_length_tokens=_length(work, weights, None),
        modality=work.recipe.modality,
    )


def _stage(place: SeedPlace) -> Stage:
    """The stage of the teacher: other transfer or test rows make no other one."""
    rows, teacher = place.rows, place.work.recipe.teacher
    inputs: dict[str, Any] = {
        "weights": place.weights.digest,
        "settings": teacher.as_inputs("formats", "weights", "folds", "views"),
        **({"drawing": place.work.recipe.data.views.model_dump()} if teacher.varied else {}),
        "labels": list(rows.label_names),
        "task": [rows.task.name, rows.task.settings],
        "modality": rows.modality,
    }
    if teacher.is_zero_shot:
        inputs |= {"classes": place.work.recipe.data.classes, "length": _length(place.work, place.weights, place)}
        inputs |= {"texts": digest(_texts(place)), "temperature": "by agreement"} if teacher.looks_at else {}
        inputs |= {"embeddings": _embeddings(place.work).digest} if teacher.borrows_embeddings else {}
    elif fine_tuned_labels(place.weights, teacher) is None:
        parts = (rows.train, rows.validation)
        inputs |= {"rows": digest([[part.digest, part.targets.tolist()] for part in parts]), "seed": place.seed}
        settings = asdict(_settings(place))
        by_rule = {name: settings[name] for name in ("epochs", "batch_size", "learning_rate", "schedule", "patience")}
        inputs["by_rule"] = by_rule | {"length": _length(place.work, place.weights, place)}
    return Stage(name="teacher", version=4, inputs=inputs, together=True)


def _texts(place: SeedPlace) -> list[Item]:
    """The texts that a zero-shot teacher looks at, from all over: of no validation or test row."""
    texts, most = place.rows.train.items + place.rows.transfer.items, place.work.recipe.teacher.looks_at
    return [texts[number] for number in np.linspace(0, len(texts) - 1, min(len(texts), most)).astype(int)]


def _embeddings(work: Workplace) -> WeightsFolder:
    """The sentence encoder by which a zero-shot teacher of another kind is refined."""
    return find_weights(work.recipe.teacher.embeddings, work.root, report=silent)


def _answering(place: SeedPlace) -> "Classifier":
    """The zero-shot teacher for the recipe's classes."""
    from teachers import TEACHERS
    from teachers.zero_shot import Question

    work, teacher = place.work, place.work.recipe.teacher
    question = Question(
        classes=work.recipe.data.classes or {},
        template=teacher.template,
        task=place.rows.task,
        temperature=None if teacher.temperature == "auto" else teacher.temperature,
        refine=teacher.refine,
        texts=_texts(place),
        encoder=_embeddings(work).path if teacher.borrows_embeddings else None,
    )
    answer = TEACHERS[teacher.architecture].answer
    if answer is None:
        raise ValueError(f"{teacher.architecture} is no zero-shot teacher")
    with work.screen.step(f"teacher, seed {place.seed}") as report:
        return answer(place.weights.path, question, _length(work, place.weights, place), report)


def _fine_tune(place: SeedPlace, stage: Stage, folder: Path) -> None:
    from teachers import TEACHERS
    from training.history import unfinished
    from training.loop import train
    from training.objectives import Term

    work, rows, teacher = place.work, place.rows, place.work.recipe.teacher
    kind, title, settings = TEACHERS[teacher.architecture], place.teacher_title, _settings(place)
    head = {"head": teacher.model_dump(include=set(OF_HEADS))} if kind.has_own_head else {}

    def attempt(settings: "TrainingSettings", keep: Path) -> "list[Epoch]":
        classifier = kind.start(
            place.weights.path,
            rows.label_names,
            task=rows.task,
            modality=rows.modality,
            max_length_tokens=_length(work, place.weights, place),
            seed=place.seed,
            **head,
        )
        lesson = lesson_for(place, classifier)
        if kind.has_own_head:
            say_weights(work, title, classifier.module)
        history = train(
            lesson.module,
            lesson.train,
            lesson.validation,
            encoder=lesson.encoder,
            task=rows.task,
            terms=(Term(kind="hard"),),
            settings=settings,
            report=report,
            keep=keep,
        )
        kind.save(classifier, folder)
        return history

    with work.screen.step(title) as report:
        rows_of = (rows.train.items, rows.modality)
        history = trained(work, stage, "teacher", settings, rows_of=rows_of, attempt=attempt)
    if settings.time_limit is not None and (sentence := unfinished(rows.task, history, settings)):
        work.screen.notice(f"{title}: {sentence}")
    save_history(history, folder)


def _settings(place: SeedPlace) -> "TrainingSettings":
    from training.rules import teacher_settings
    from training.settings import TrainingSettings

    settings, rows, outputs = place.work.recipe.teacher, len(place.rows.train), len(place.rows.label_names)
    shared = settings.model_dump(include={field.name for field in fields(TrainingSettings)})
    stated = {name: value for name, value in shared.items() if value != "auto"}
    by_rule = teacher_settings(rows, outputs, epochs=stated.get("epochs"), batch_size=stated.get("batch_size"))
    return TrainingSettings(**{**by_rule, **stated}, seed=place.seed, device=place.work.recipe.trained_on)


def teacher_length(place: SeedPlace) -> int:
    """How many tokens of a text a seed's teacher reads."""
    is_opened = fine_tuned_labels(place.weights, place.work.recipe.teacher) is not None
    return _length(place.work, place.weights, None if is_opened else place)


def _length(work: Workplace, weights: WeightsFolder, place: SeedPlace | None) -> int:
    """How many tokens of a text the teacher reads: enough for a seed's train rows, or, without one, as many as it may.

    A teacher that is used as it is reads rows that nobody has seen when it is stored. Images have no length.
    """
    from training.rules import MOST_TEACHER_TOKENS, length_for

    settings = work.recipe.teacher
    if settings.max_length_tokens != "auto":
        return settings.max_length_tokens
    positions = read_json_object(weights.path / "config.json").get("max_position_embeddings")
    most = min(MOST_TEACHER_TOKENS, positions if isinstance(positions, int) and positions > 0 else MOST_TEACHER_TOKENS)
    if place is None or work.recipe.modality == "image":
        return most
    return length_for(place.train_lengths(weights.path / "tokenizer.json"), most=most)
