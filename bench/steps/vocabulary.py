"""The step that gives a student its tokens: words of its own, or those of the teacher's tokenizer."""

import shutil
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from bench.recipe.recipe import Student
from bench.steps.workplace import Workplace
from materials.catalogue import VECTORS, fetch_folder
from materials.files import sha256_of
from materials.splits.split import load_splits
from materials.stages import Stage
from materials.weights import WeightsFolder
from materials.word_vectors import WordVectors

FILE = "tokenizer.json"


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """The folder of a stage that holds a tokenizer.json, and the number of its padding token."""

    folder: Path
    padding: int

    @property
    def file(self) -> Path:
        """The tokenizer.json."""
        return self.folder / FILE


def build_vocabulary(work: Workplace, weights: WeightsFolder, splits: Path, student: Student) -> Vocabulary:
    """The tokens of a student, which it shares with all students of the same `vocabulary_key`."""
    if student.tokenizer == "teacher":
        return _from_teacher(work, weights)
    return _from_words(work, splits, student.vectors)


def vocabulary_key(student: Student) -> Hashable:
    """What tells the vocabularies of one seed apart."""
    return "teacher" if student.tokenizer == "teacher" else student.vectors


def read_vectors(work: Workplace, student: Student, tokenizer: Tokenizer) -> WordVectors | None:
    """The pretrained vectors of the tokens that have one, zeros for special tokens; none for new embeddings."""
    from students.vocabulary import words_of

    if student.vectors is None:
        return None
    entry = VECTORS[student.vectors]
    folder = fetch_folder(entry, work.root, lambda done, total: None)
    return zero_special_tokens(entry.read(folder, words_of(tokenizer)), tokenizer)


def zero_special_tokens(found: WordVectors, tokenizer: Tokenizer) -> WordVectors:
    """The vectors, and zeros for the special tokens: the same in every text, they tell nothing."""
    special = [number for number, token in tokenizer.get_added_tokens_decoder().items() if token.special]
    matrix, known = np.array(found.matrix), np.array(found.known)
    matrix[special], known[special] = 0, True
    return WordVectors(matrix=matrix, known=known)


def _from_teacher(work: Workplace, weights: WeightsFolder) -> Vocabulary:
    from teachers.transformer import read_padding

    padding = read_padding(weights.path)
    inputs = {"tokenizer": sha256_of(weights.path / FILE), "padding": padding}
    stage = Stage(name="vocabulary", version=1, inputs=inputs)
    folder = work.store.get(stage, lambda folder: _copy(weights.path / FILE, folder / FILE))
    return Vocabulary(folder=folder, padding=padding)


def _from_words(work: Workplace, splits: Path, vectors: str | None) -> Vocabulary:
    from students.vocabulary import PADDING_NUMBER, build_tokenizer, save_tokenizer, without_mask

    def make(folder: Path) -> None:
        with work.screen.step(f"vocabulary for {vectors or 'new embeddings'}") as report:
            known = VECTORS[vectors].rows(fetch_folder(VECTORS[vectors], work.root, report)) if vectors else {}
            loaded = load_splits(splits)
            transfer = without_mask(loaded.transfer.items, loaded.mask_token)
            save_tokenizer(build_tokenizer([*loaded.train.items, *transfer], known=known), folder)

    source = VECTORS[vectors].archive.sha256 if vectors else None
    stage = Stage(name="vocabulary", version=1, inputs={"splits": splits.name, "vectors": source})
    return Vocabulary(folder=work.store.get(stage, make), padding=PADDING_NUMBER)


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
