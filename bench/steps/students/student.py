"""The step that trains one cell: a student, for one objective, with one seed."""

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.recipe.cell import Cell
from bench.recipe.objective import OF_TOKENS
from bench.recipe.recipe_student import FROM_TEACHER, Student
from bench.steps.encoded import drawing_of, encoded, labelled
from bench.steps.knowledge import outputs_for, taught_rows
from bench.steps.students.features import features_of, read_by_batch, with_features
from bench.steps.students.new_student import NewStudent, new_student, rules_of_views, student_length, student_weights
from bench.steps.students.settings import settings_of
from bench.steps.students.vocabulary import Vocabulary
from bench.steps.teacher import fine_tuned_labels, teacher_length
from bench.steps.training import ending_the_cell, save_history, say_weights, trained
from bench.steps.workplace import SeedPlace
from materials.errors import RequestError
from materials.modalities import Item
from materials.rows import Rows
from materials.stages import Stage
from training.outputs import ROWS_TO_TRUST, Outputs, shrunk_to_labels

if TYPE_CHECKING:
    from torch import nn

    from encoders.encoder import Encoder
    from training.examples import Examples
    from training.history import Epoch
    from training.settings import TrainingSettings

    Observe = Callable[[Epoch], None]
    Teaching = Outputs | Callable[[np.ndarray], Outputs]


def train_student(
    place: SeedPlace, cell: Cell, vocabulary: Vocabulary | None, *, observe: "Observe" = lambda epoch: None
) -> Path:
    """The checkpoint of a cell's student. `vocabulary` is none for a student that reads no texts.

    The teacher's stored outputs are read; the teacher itself is run only for an objective that asks for it in every
    epoch. `observe` is called after each epoch that is trained now; what it raises ends the training. Raises CellFailed
    when the loss is no longer a number, or a library gives up.
    """
    stage = _stage(place, cell, vocabulary)

    def make(folder: Path) -> None:
        with ending_the_cell():
            _train(place, cell, vocabulary, stage, folder, observe)

    return place.work.store.get(stage, make)


def is_trained(place: SeedPlace, cell: Cell, vocabulary: Vocabulary | None) -> bool:
    """Whether a cell's student is stored."""
    return place.work.store.has(_stage(place, cell, vocabulary))


def _train(
    place: SeedPlace, cell: Cell, vocabulary: Vocabulary | None, stage: Stage, folder: Path, observe: "Observe"
) -> None:
    from training.history import unfinished
    from training.loop import train
    from training.objectives import Term

    work, rows, title = place.work, place.rows, f"{cell.title}, seed {cell.seed}"
    items = rows.train.items + rows.transfer.take(taught_rows(place, cell.objective)).items
    terms = cell.objective.terms(labelled=len(rows.train), rows=len(items))

    def attempt(settings: "TrainingSettings", keep: Path) -> "list[Epoch]":
        student = new_student(place, cell.student, vocabulary, seed=cell.seed)
        encoder = student.encoder
        if rows.modality == "image":
            say_weights(work, title, student.module)
        history = train(
            _taught_by_features(place, cell, student),
            _examples(place, cell, encoder),
            labelled(place, encoder, rows.validation),
            encoder=encoder,
            task=rows.task,
            terms=[Term(kind=kind, weight=weight, temperature=heat) for kind, weight, heat in terms],
            settings=settings,
            report=report,
            test=labelled(place, encoder, rows.test),
            keep=keep,
            observe=partial(_observe, place, cell.title, observe),
        )
        student.save(folder)
        return history

    settings = settings_of(place, cell, len(items))
    with work.screen.step(title) as report:
        history = trained(work, stage, cell.title, settings, rows_of=(items, rows.modality), attempt=attempt)
        save_history(history, folder)
    if sentence := unfinished(rows.task, history, settings):
        work.screen.notice(f"{title}: {sentence}")


def _taught_by_features(place: SeedPlace, cell: Cell, student: NewStudent) -> "nn.Module":
    """The module to train: the student's, which gives features too where the objective compares them."""
    layers = features_of(place, cell.student, cell.objective)
    if not layers:
        return student.module
    if place.rows.modality == "image":
        return with_features(place, student.module, layers)
    from teachers.features import WithFeatures

    body = student_weights(place, cell.student)
    of_teacher, of_student = (weights.config.get("model_type") for weights in (place.weights, body))
    if of_teacher != of_student:
        place.work.screen.notice(
            f"{cell.title}: the teacher's body is {of_teacher} and the student's {of_student}; features of two kinds "
            "of bodies have less in common"
        )
    own_length, length = student.encoder.max_length_tokens, teacher_length(place)
    if set(cell.objective.features) & set(OF_TOKENS) and own_length != length:
        raise RequestError(
            f"{cell.title} is compared with the teacher token by token, but reads {own_length} tokens where the "
            f"teacher reads {length}; set its max_length_tokens to {length}"
        )
    width = int(place.weights.config["hidden_size"])
    return WithFeatures(
        student.module,
        names=layers,
        layers={name: layer for name, layer in layers.items() if layer is not None},
        widths=dict.fromkeys(layers, width),
    )


def _stage(place: SeedPlace, cell: Cell, vocabulary: Vocabulary | None) -> Stage:
    from students import STUDENTS

    teacher = place.work.recipe.teacher
    inputs = {
        "splits": place.splits.name,
        "vocabulary": vocabulary.folder.name if vocabulary else None,
        "knowledge": place.knowledge.name if place.knowledge and cell.objective.needs_teacher else None,
        "student": cell.student.as_inputs("name", "weights"),  # whose digest stands below, wherever they lie
        "weights": _start_digest(place, cell.student),
        "objective": cell.objective.as_inputs("exported"),
        "student_version": STUDENTS[cell.student.architecture].student_class.version,
        "sweep": {},  # nothing reads it: it keeps the digests of students that are stored already
        "seed": cell.seed,
        "by_rule": _by_rule(place, cell, vocabulary),
        **({"views": [teacher.views, asdict(drawing_of(place))]} if teacher.views else {}),
        **({"seen": asdict(rules.geometry)} if (rules := rules_of_views(place)) else {}),
    }
    return Stage(name="student", version=6, inputs=inputs, together=True)


def _start_digest(place: SeedPlace, student: Student) -> str | None:
    """The digest of the pretrained weights that a student starts from, as a body or for its vectors."""
    if student.is_pretrained:
        return student_weights(place, student).digest
    return place.weights.digest if student.vectors == FROM_TEACHER else None


def _by_rule(place: SeedPlace, cell: Cell, vocabulary: Vocabulary | None) -> dict[str, Any]:
    """What the rules find for a cell, by which its stage is known too: a rule may change."""
    rows = len(place.rows.train) + len(taught_rows(place, cell.objective))
    settings = asdict(settings_of(place, cell, rows))
    names = ("epochs", "batch_size", "learning_rate", "schedule", "patience")
    return {
        **{name: settings[name] for name in names},
        "terms": cell.objective.terms(labelled=len(place.rows.train), rows=rows),
        **({"rows_to_trust": ROWS_TO_TRUST} if _is_shrunk(place, cell) else {}),
        "length": student_length(place, cell.student, vocabulary),
    }


def _observe(place: SeedPlace, title: str, observe: "Observe", epoch: "Epoch") -> None:
    """Say so when a student seems to know something before it is trained, and let others see each epoch."""
    from training.history import untrained_fault

    if epoch.epoch == 0:
        rows = place.rows
        fault = untrained_fault(epoch.validation, rows.validation.targets, len(rows.label_names))
        if fault:
            place.work.screen.notice(f"{title}: {fault}")
    observe(epoch)


def _examples(place: SeedPlace, cell: Cell, encoder: "Encoder") -> "Examples":
    """The rows to train on: the labelled ones, and the transfer rows where the objective asks for them."""
    from training.examples import Examples

    rows, objective = place.rows, cell.objective
    transfer = rows.transfer.take(taught_rows(place, objective))
    items = rows.train.items + transfer.items
    teacher: Teaching | None = None
    if objective.teacher_every_epoch:
        teacher = _running(place, items, tuple(features_of(place, cell.student, objective)))
    elif objective.needs_teacher:
        names = features_of(place, cell.student, objective)
        both_parts = Rows(items=items, targets=np.zeros(len(items)), modality=rows.modality)
        teacher = read_by_batch(place, both_parts, names) if names else outputs_for(place, both_parts)
    targets = np.concatenate([rows.train.targets, transfer.targets])
    if teacher is not None and _is_shrunk(place, cell):
        teacher = _shrunk(place, teacher, targets)
    read = rows.train.items + _as_read_by(cell.student, transfer.items, rows.mask_token)
    examples = Examples(encoded=encoded(place, encoder, read), targets=targets, teacher=teacher)
    return _in_views(place, cell, examples, items) if place.work.recipe.teacher.views else examples


def _in_views(place: SeedPlace, cell: Cell, examples: "Examples", items: list[Item]) -> "Examples":
    """The same images in the views that the teacher has labelled, whether or not the objective asks what it said."""
    from training.examples import ViewedExamples

    views = place.stored_outputs.views
    if views is None:
        raise ValueError("the teacher has labelled no views")
    of_rows = views[place.stored_outputs.rows_of(items, place.rows.modality)] if cell.objective.needs_teacher else None
    if of_rows is not None and _is_shrunk(place, cell):
        shrunk = [_shrunk(place, Outputs(logits=of_rows[:, view]), examples.targets) for view in range(views.shape[1])]
        of_rows = np.stack([outputs.logits for outputs in shrunk if isinstance(outputs, Outputs)], axis=1)
    return ViewedExamples(
        encoded=examples.encoded,
        targets=examples.targets,
        teacher=examples.teacher,
        views=views.shape[1],
        teacher_views=of_rows,
        drawing=drawing_of(place),
    )


def _is_shrunk(place: SeedPlace, cell: Cell) -> bool:
    """Whether the teacher's outputs for labelled rows are mixed with the labels: by rule, for classes.

    A teacher that was fine-tuned elsewhere has seen other rows, and may have given the labels itself.
    """
    teacher = place.work.recipe.teacher
    is_of_these_rows = fine_tuned_labels(place.weights, teacher) is None and not teacher.is_given
    return cell.objective.name == "distilled" and place.rows.task.name == "single-label" and is_of_these_rows


def _shrunk(place: SeedPlace, teacher: "Teaching", targets: np.ndarray) -> "Teaching":
    counts = np.bincount(place.rows.train.targets, minlength=len(place.rows.label_names))
    if callable(teacher):
        return lambda numbers: shrunk_to_labels(teacher(numbers), targets[numbers], counts)
    return shrunk_to_labels(teacher, targets, counts)


def _as_read_by(student: Student, items: list[Item], mask_token: str | None) -> list[Item]:
    """Transfer items as the student reads them: its own tokenizer does not know the teacher's mask."""
    from students.vocabulary import without_mask

    return without_mask(items, mask_token) if mask_token and student.tokenizer == "own" else items


def _running(place: SeedPlace, items: list[Item], features: tuple[str, ...]) -> "Callable[[np.ndarray], Outputs]":
    """The outputs of the teacher for some of the items, by their numbers, computed anew each time, in fp32."""
    from teachers import TEACHERS
    from training.loop import compute_outputs

    if place.teacher is None:
        raise ValueError("the teacher has not been trained yet")
    recipe = place.work.recipe
    teacher = TEACHERS[recipe.teacher.architecture].load(place.teacher)
    encoder, module = teacher.encoder, teacher.module.to(recipe.trained_on)
    read = encoded(place, encoder, items)

    model = with_features(place, module, features) if features else module

    def outputs_of(numbers: np.ndarray) -> "Outputs":
        chosen = encoder.take(read, numbers)
        return compute_outputs(model, chosen, encoder, device=recipe.trained_on, bf16=False)

    return outputs_of
