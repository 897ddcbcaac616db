"""Transformer students from recipe to a folder that others open, and runs of a teacher alone."""

import pytest

from bench.commands.run import RunRequest, run_recipe
from bench.record.run_file import read_run
from materials.errors import RequestError

STUDENT = "{architecture: transformer, settings: {layers: [1]}, epochs: 2, batch_size: 16, learning_rate: 1.0e-3}"


@pytest.fixture
def run_with(tiny_recipe, own_cache, tmp_path):
    """A function that runs the tiny recipe with changes."""

    def run(*changes):
        overrides = ("formats=[eager, onnx]", "speed_seeds=0", *changes)
        request = RunRequest(
            recipe=str(tiny_recipe), flags={}, overrides=overrides, output=tmp_path / "run", fresh=False
        )
        assert run_recipe(request, dry_run=False) == 0
        return read_run(tmp_path / "run")

    return run


def test_transformer_student_is_a_plain_folder_of_transformers(run_with, tmp_path):
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

    run = run_with(f"students.0={STUDENT}")
    rows = [row for row in run.rows if row.role == "student"]
    assert {row.architecture for row in rows} == {"transformer"}
    assert all(row.status in ("ok", "noisy") for row in rows)
    folder = tmp_path / "run" / next(row.bundle for row in rows if row.format == "eager")
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    assert model.config.num_hidden_layers == 1
    answers = pipeline("text-classification", model=model, tokenizer=AutoTokenizer.from_pretrained(folder))
    assert answers("a lovely film")[0]["label"] in run.rows[0].label_names


def test_student_may_start_from_another_body_than_the_teacher(run_with, tiny_classifier):
    run = run_with(f"students.0={STUDENT[:-1]}, weights: {tiny_classifier}}}")
    assert any(row.architecture == "transformer" and row.role == "student" for row in run.rows)


@pytest.mark.parametrize(
    ("student", "sentence"),
    [
        (STUDENT.replace("[1]", "[7]"), "has 2 layers, numbered from 0; got layers"),
        (STUDENT.replace("[1]", "[]"), "layers are different numbers from 0"),
        (STUDENT.replace("layers", "depth"), "unknown setting of transformer 'depth'"),
        ("{architecture: transformer, tokenizer: teacher}", "transformer does not use tokenizer"),
        ("{architecture: cnn, weights: minilm}", "cnn does not use weights"),
    ],
)
def test_wrong_transformer_student_is_refused(student, sentence, run_with, capfd):
    with pytest.raises((RequestError, AssertionError)) as refusal:  # a fault that shows late fails the row alone
        run_with(f"students.0={student}")
    assert sentence in str(refusal.value) + capfd.readouterr().err


def test_recipe_without_students_trains_and_measures_the_teacher(run_with):
    run = run_with("students=[]", "objectives=[]")
    assert {row.role for row in run.rows} == {"teacher"}
    assert {row.format for row in run.rows} == {"eager", "onnx"}
