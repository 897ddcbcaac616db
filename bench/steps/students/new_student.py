"""A student before its training: its module, how it reads items, and how it is stored."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokenizers import Tokenizer

from bench.recipe.recipe_student import FROM_TEACHER, Student
from bench.steps.students.vocabulary import Vocabulary, read_vectors
from bench.steps.workplace import SeedPlace, Workplace
from encoders.image_encoder import SETTINGS_FILE, ImageEncoder
from encoders.image_rules import ImageRules, settings_as, shows_alike
from materials.positions import most_positions
from materials.report import silent
from materials.weights import WeightsFolder, find_weights

if TYPE_CHECKING:
    from torch import nn

    from encoders.encoder import Encoder
    from students.checkpoint import StudentShape


@dataclass(frozen=True, kw_only=True)
class NewStudent:
    """`save` writes the module, trained by then, to an empty folder."""

    module: "nn.Module"
    encoder: "Encoder"
    save: Callable[[Path], None]


def new_student(place: SeedPlace, student: Student, vocabulary: Vocabulary | None, *, seed: int) -> NewStudent:
    """A student with new weights, or those of its pretrained body. `vocabulary` is none where it has no own tokens."""
    if student.is_pretrained:
        return (_image_body if place.rows.modality == "image" else _transformer)(place, student, seed)
    from students.checkpoint import build_student, save_student, student_encoder

    tokenizer = Tokenizer.from_file(str(vocabulary.file)) if vocabulary else None
    vectors = read_vectors(place, student, tokenizer) if tokenizer else None
    shape = _shape(place, student, vocabulary, tokenizer)
    module = build_student(shape, vectors=vectors, seed=seed)
    encoder = student_encoder(vocabulary.file if vocabulary else None, shape)
    return NewStudent(module=module, encoder=encoder, save=partial(save_student, module, shape, tokenizer))


def student_length(place: SeedPlace, student: Student, vocabulary: Vocabulary | None) -> int | None:
    """How many tokens of a text it reads: what the recipe says, or enough for its train rows; none for images."""
    from students import STUDENTS
    from training.rules import length_for

    most = STUDENTS[student.architecture].student_class.most_tokens
    if place.rows.modality == "image":
        return None
    if student.is_pretrained:
        body = student_weights(place, student)
        file, most = body.path / "tokenizer.json", min(most, most_positions(body.config))
    elif vocabulary:
        file = vocabulary.file
    else:
        return None
    if student.max_length_tokens != "auto":
        return student.max_length_tokens
    return length_for(place.train_lengths(file), most=most)


def student_weights(place: SeedPlace, student: Student) -> WeightsFolder:
    """The pretrained body that a student starts from: the teacher's, or one of its own."""
    return place.weights if student.weights == FROM_TEACHER else own_body(place.work, student)


def own_body(work: Workplace, student: Student) -> WeightsFolder:
    """The pretrained body that a recipe names for a student. Raises RequestError as `find_weights` does."""
    return _found_once(student.weights, work.root)


@cache
def _found_once(name: str, root: Path) -> WeightsFolder:
    """The weights of a name, whose digest takes seconds, found once in a process."""
    return find_weights(name, root, report=silent)


def _transformer(place: SeedPlace, student: Student, seed: int) -> NewStudent:
    from students.transformer import start_from
    from teachers.transformer import as_classifier, save_transformer

    rows, weights = place.rows, student_weights(place, student).path
    layers = student.settings.get("layers")
    model = start_from(weights, label_names=rows.label_names, task=rows.task, layers=layers, seed=seed)
    classifier = as_classifier(
        model,
        weights,
        rows.label_names,
        max_length_tokens=student_length(place, student, None) or 0,
        task=rows.task,
        modality=rows.modality,
    )
    return NewStudent(module=classifier.module, encoder=classifier.encoder, save=partial(save_transformer, classifier))


def _image_body(place: SeedPlace, student: Student, seed: int) -> NewStudent:
    from teachers.image_body import save_image_body, start_image_body

    rows, weights = place.rows, student_weights(place, student)
    size = {} if weights.config else {"image_size": student.image_size}  # which a configured body names itself
    head = {**student.settings, **size}
    classifier = start_image_body(weights.path, rows.label_names, seed=seed, head=head, task=rows.task)
    teacher_rules = rules_of_views(place)
    encoder = classifier.encoder
    if teacher_rules and isinstance(encoder, ImageEncoder) and not shows_alike(encoder.rules, teacher_rules):
        place.work.screen.notice(
            f"{student.title} reads another part of each photo than its teacher, so that their views are not the same"
        )
    return NewStudent(module=classifier.module, encoder=classifier.encoder, save=partial(save_image_body, classifier))


def rules_of_views(place: SeedPlace) -> ImageRules | None:
    """How the teacher of a seed sees images, where students are trained on the views that it labelled; none else."""
    if place.teacher is None or not place.work.recipe.teacher.views:
        return None
    return ImageEncoder.load(place.teacher / SETTINGS_FILE).rules


def _shape(
    place: SeedPlace, student: Student, vocabulary: Vocabulary | None, tokenizer: Tokenizer | None
) -> "StudentShape":
    from students.checkpoint import StudentShape
    from students.vocabulary import words_of

    rows = place.rows
    described: dict[str, Any] = {"image_size": student.image_size}
    if rules := rules_of_views(place):
        described["image_settings"] = settings_as(rules, student.image_size)
    if vocabulary and tokenizer:
        described = {
            "words": len(words_of(tokenizer)),
            "dimensions": student.dimensions,
            "max_length_tokens": student_length(place, student, vocabulary),
            "padding": vocabulary.padding,
        }
    return StudentShape(
        architecture=student.architecture,
        label_names=rows.label_names,
        task=rows.task.name,
        task_settings=rows.task.settings,
        modality=rows.modality,
        settings=student.settings,
        **described,
    )
