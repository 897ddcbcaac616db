"""Students that read the teacher's tokens, from its tokenizer to a file that takes texts."""

import json
import shutil

import numpy as np
import pytest
from sample_texts import sentences
from tokenizers import Tokenizer

from bench.recipe.file import read_recipe
from bench.recipe.recipe_student import Student
from bench.reports.screen import Screen
from bench.steps.export import export_model
from bench.steps.models import Model
from bench.steps.split import split
from bench.steps.students.student import train_student
from bench.steps.students.vocabulary import build_vocabulary, vocabulary_key, zero_special_tokens
from bench.steps.teacher import find_teacher_weights
from bench.steps.workplace import SeedPlace, Workplace
from encoders.text_encoder import TextEncoder
from export.from_text.gate import add_text_graph
from export.predictor import Predictor
from materials.stages import StageStore
from materials.word_vectors import WordVectors

SETTINGS = {"linear": "{buckets: 500}", "cnn": "{filters: 8}"}


@pytest.fixture
def own_padding(tiny_bert, tmp_path):
    """The tiny transformer with 4 as its padding token, where that of word-level students is 0."""
    folder = shutil.copytree(tiny_bert, tmp_path / "bert")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "pad_token_id": 4}))
    return folder


def exported_student(tiny_recipe, root, *overrides):
    """The ONNX bundle of the recipe's first student, trained on labels alone."""
    recipe = read_recipe(str(tiny_recipe), overrides)
    work = Workplace(recipe=recipe, store=StageStore(root=root), screen=Screen())
    weights = find_teacher_weights(work)
    place = SeedPlace(work=work, weights=weights, seed=0, splits=split(work, weights, 0))
    cell = recipe.cells()[0]
    checkpoint = train_student(place, cell, build_vocabulary(place, cell.student))
    model = Model(title=cell.title, role="student", seed=0, splits=place.splits, cell=cell, checkpoint=checkpoint)
    return export_model(place, model, ["onnx"]).bundles["onnx"]


@pytest.mark.parametrize("architecture", SETTINGS)
def test_student_that_shares_the_teachers_tokenizer_runs_from_text(architecture, tiny_recipe, own_padding, tmp_path):
    student = f"students.0={{architecture: {architecture}, settings: {SETTINGS[architecture]}, tokenizer: teacher}}"
    changes = (student, "students.0.max_length_tokens=24", f"teacher.weights={own_padding}")
    bundle = exported_student(tiny_recipe, tmp_path / "cache", *changes)
    texts = [*sentences(40, start=700)[0], "", "unlovely " * 40]
    predictor = Predictor(bundle)
    teacher = TextEncoder.load(
        own_padding / "tokenizer.json", max_length_tokens=24, padding=4, inputs=predictor.encoder.inputs
    )
    assert predictor.bundle.parity["status"] == "passed"
    assert predictor.encoder.padding == 4
    assert [row.tolist() for row in predictor.encoder.encode(texts)] == [row.tolist() for row in teacher.encode(texts)]
    together = [prediction.probability for prediction in predictor.predict(texts)]
    assert together == pytest.approx([predictor.predict([text])[0].probability for text in texts], abs=1e-5)
    pytest.importorskip("onnxruntime_extensions")
    assert add_text_graph(bundle, texts).largest_difference < 1e-4


def test_special_tokens_of_the_teacher_start_at_zero_beside_pretrained_vectors(tiny_bert):
    tokenizer = Tokenizer.from_file(str(tiny_bert / "tokenizer.json"))
    film = tokenizer.token_to_id("film")
    has_vector = np.arange(tokenizer.get_vocab_size()) == film
    of_glove = WordVectors(matrix=np.where(has_vector[:, None], np.float32(0.5), 0), has_vector=has_vector)
    vectors = zero_special_tokens(of_glove, tokenizer)
    assert np.flatnonzero(vectors.has_vector).tolist() == [0, 1, 2, 3, 4, film]
    assert np.flatnonzero(vectors.matrix).tolist() == [film]


def test_students_on_the_same_tokens_share_a_vocabulary():
    cnn, glove = Student(architecture="cnn"), Student(architecture="cnn", vectors="glove-50d")
    both = (Student(architecture="cnn", tokenizer="teacher"), glove.model_copy(update={"tokenizer": "teacher"}))
    assert len({vocabulary_key(student) for student in both}) == 1
    assert len({vocabulary_key(student) for student in (cnn, glove, *both)}) == 3
