"""The step that gives a student its tokens: words of its own, or those of the teacher's tokenizer."""

import shutil
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from bench.recipe.recipe_student import FROM_TEACHER, Student
from bench.steps.workplace import SeedPlace
from materials.catalogue import VECTORS, fetch_folder
from materials.files import digest, sha256_of
from materials.report import silent
from materials.stages import Stage
from materials.word_vectors import WordVectors

FILE, VECTORS_FILE = "tokenizer.json", "vectors.npy"


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """The folder of a stage that holds a tokenizer.json, and the number of its padding token."""

    folder: Path
    padding: int

    @property
    def file(self) -> Path:
        """The tokenizer.json."""
        return self.folder / FILE


def build_vocabulary(place: SeedPlace, student: Student) -> Vocabulary | None:
    """Return the tokens of a student, shared by all students of the same `vocabulary_key`.

    None for a student of images, and for one with a pretrained body, which has its own.
    """
    if place.rows.modality == "image" or student.is_pretrained:
        return None
    return _from_teacher(place) if student.tokenizer == "teacher" else _from_words(place, _known_vectors(student))


def vocabulary_key(student: Student) -> Hashable:
    """What tells the vocabularies of one seed apart."""
    return "teacher" if student.tokenizer == "teacher" else _known_vectors(student)


def _known_vectors(student: Student) -> str | None:
    return None if student.vectors == FROM_TEACHER else student.vectors


def read_vectors(place: SeedPlace, student: Student, tokenizer: Tokenizer) -> WordVectors | None:
    """The pretrained vectors of the tokens that have one, zeros for special tokens; none for new embeddings."""
    from students.vocabulary import words_of

    if student.vectors is None:
        return None
    if student.vectors == FROM_TEACHER:
        return zero_special_tokens(_teacher_vectors(place, student, tokenizer), tokenizer)
    entry = VECTORS[student.vectors]
    folder = fetch_folder(entry, place.work.root, silent)
    return zero_special_tokens(entry.read(folder, words_of(tokenizer)), tokenizer)


def build_vectors(place: SeedPlace, student: Student, vocabulary: Vocabulary | None) -> None:
    """Store what is to be computed of the vectors that a student starts from, before several processes ask for it."""
    if vocabulary and student.vectors == FROM_TEACHER:
        _teacher_vectors(place, student, Tokenizer.from_file(str(vocabulary.file)))


def zero_special_tokens(vectors: WordVectors, tokenizer: Tokenizer) -> WordVectors:
    """The vectors, and zeros for the special tokens: the same in every text, they tell nothing."""
    special = [number for number, token in tokenizer.get_added_tokens_decoder().items() if token.special]
    matrix, has_vector = np.array(vectors.matrix), np.array(vectors.has_vector)
    matrix[special], has_vector[special] = 0, True
    return WordVectors(matrix=matrix, has_vector=has_vector)


def _teacher_vectors(place: SeedPlace, student: Student, tokenizer: Tokenizer) -> WordVectors:
    """What the teacher's pretrained body makes of each token, computed once for all students of the same tokens."""
    from students.vocabulary import words_of
    from teachers.token_vectors import token_vectors

    own_tokens = student.tokenizer == "teacher"

    def make(folder: Path) -> None:
        with place.work.screen.step("the teacher's vectors of tokens") as report:
            words = None if own_tokens else words_of(tokenizer)
            vectors = token_vectors(place.weights.path, words, dimensions=student.dimensions, report=report)
        np.save(folder / VECTORS_FILE, vectors)

    inputs = {
        "weights": place.weights.digest,
        "tokens": digest(tokenizer.to_str()),
        "own_tokens": own_tokens,
        "dimensions": student.dimensions,
    }
    matrix = np.load(place.work.store.get(Stage(name="vectors", version=1, inputs=inputs), make) / VECTORS_FILE)
    return WordVectors(matrix=matrix, has_vector=np.ones(len(matrix), dtype=bool))


def _from_teacher(place: SeedPlace) -> Vocabulary:
    from teachers.transformer import read_padding

    source = place.weights.path / FILE
    padding = read_padding(place.weights.path)
    stage = Stage(name="vocabulary", version=1, inputs={"tokenizer": sha256_of(source), "padding": padding})
    folder = place.work.store.get(stage, lambda folder: _copy(source, folder / FILE))
    return Vocabulary(folder=folder, padding=padding)


def _from_words(place: SeedPlace, vectors: str | None) -> Vocabulary:
    from students.vocabulary import PADDING_NUMBER, build_tokenizer, save_tokenizer, without_mask

    work, rows = place.work, place.rows

    def make(folder: Path) -> None:
        with work.screen.step(f"vocabulary for {vectors or 'new embeddings'}") as report:
            row_of_word = VECTORS[vectors].rows(fetch_folder(VECTORS[vectors], work.root, report)) if vectors else {}
            transfer = without_mask(rows.transfer.items, rows.mask_token)
            items = [*rows.train.items, *transfer]
            save_tokenizer(build_tokenizer(items, words_with_vector=row_of_word, modality=rows.modality), folder)

    source = VECTORS[vectors].archive.sha256 if vectors else None
    stage = Stage(name="vocabulary", version=2, inputs={"splits": place.splits.name, "vectors": source})
    return Vocabulary(folder=work.store.get(stage, make), padding=PADDING_NUMBER)


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
