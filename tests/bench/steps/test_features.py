"""Objectives of several weighted parts, features among them, from a recipe to files."""

import re

import numpy as np
import pytest
from sample_models import save_tiny_bert

from bench.commands.run import RunRequest, run_recipe
from bench.recipe.objective import PARTS, Objective
from bench.record.run_file import read_run
from materials.errors import RequestError
from teachers.knowledge import load_knowledge

STUDENT = "architecture: transformer, settings: {layers: [1]}, epochs: 2, batch_size: 16, learning_rate: 1.0e-3"
WEIGHTED = "{name: weighted, weights: {hard: 0.1, soft-unscaled: 1, pooled: 0.01}, temperature: 5}"


@pytest.fixture
def run_with(tiny_recipe, own_cache, tmp_path):
    """A function that runs the tiny recipe with a transformer student and an objective."""

    def run(student=STUDENT, objective=WEIGHTED, code=0):
        overrides = (
            f"students=[{{{student}}}]",
            f"objectives=[{{name: hard}}, {objective}]",
            "teacher.formats=[eager]",
            "formats=[eager]",
            "peers=[]",
            "speed_seeds=0",
        )
        request = RunRequest(
            recipe=str(tiny_recipe), flags={}, overrides=overrides, output=tmp_path / "run", fresh=False
        )
        assert run_recipe(request, dry_run=False) == code
        return read_run(tmp_path / "run")

    return run


def test_parts_are_the_terms_of_training():
    from training.objectives import TERMS

    assert set(PARTS) == set(TERMS)


def test_weighted_objective_learns_from_stored_features(run_with, tmp_path, capfd):
    run = run_with()
    assert {row.model for row in run.rows if row.role == "student"} == {
        "transformer hard",
        "transformer weighted hard=0.1 soft-unscaled=1 pooled=0.01 T=5",
    }
    assert all(row.status in ("ok", "noisy") for row in run.rows)
    assert "the teacher's features for" in capfd.readouterr().err
    folder = next((tmp_path / "cache" / "stages" / "knowledge").glob("*/feature-pooled.npy")).parent
    pooled = load_knowledge(folder).outputs.features["pooled"]
    assert (pooled.dtype, pooled.shape[1]) == (np.float16, 32)


def test_states_and_relations_are_stored_for_the_layers_that_students_need(run_with, tmp_path, capfd):
    objective = "{name: weighted, weights: {soft: 1, hidden: 1, relations: 1}}"
    other = run_with(student=f"{STUDENT}, max_length_tokens: 16", objective=objective, code=1)
    error = next(row.error for row in other.rows if row.objective == "weighted")
    assert "reads 16 tokens where the teacher reads 32; set its max_length_tokens to 32" in error
    run = run_with(student=f"{STUDENT}, max_length_tokens: 32", objective=objective)
    assert all(row.status in ("ok", "noisy") for row in run.rows)
    said = re.search(r"features for [0-9,]+ rows take ([0-9,]+) MB", capfd.readouterr().err)
    folder = next((tmp_path / "cache" / "stages" / "knowledge").glob("*/feature-hidden-2.npy")).parent
    features = load_knowledge(folder).outputs.features
    assert set(features) == {"hidden-2", "relations"}  # a student of one layer is held against the last of two
    assert features["hidden-2"].values.shape == (features["hidden-2"].bounds[-1], 32)
    assert features["relations"].values.shape[1] == 3 * 32
    size = sum(features[name].values.nbytes for name in features)
    assert int(said[1].replace(",", "")) == round(size / 1e6)


def test_student_of_another_width_is_a_plain_model_afterwards(run_with, tmp_path):
    from transformers import AutoModelForSequenceClassification

    narrow = save_tiny_bert(tmp_path / "narrow", label_names=None, width=16)
    run = run_with(student=f"{STUDENT}, weights: {narrow}")
    row = next(row for row in run.rows if row.objective == "weighted")
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "run" / row.bundle)
    assert model.config.hidden_size == 16
    assert not [name for name in model.state_dict() if "projection" in name]


def test_features_may_be_computed_in_every_epoch_instead(run_with):
    run = run_with(objective=WEIGHTED[:-1] + ", teacher_every_epoch: true}")
    assert all(row.status in ("ok", "noisy") for row in run.rows)


@pytest.mark.parametrize(
    ("student", "objective", "sentence"),
    [
        ("architecture: cnn, epochs: 1", WEIGHTED, "the pooled features of an objective are those of transformers"),
        (
            f"{STUDENT}, weights: minilm",
            "{name: weighted, weights: {hidden: 1}}",
            "hidden and relations are compared token by token",
        ),
        (STUDENT, "{name: weighted}", "weights are for the objective weighted, which needs them"),
        (STUDENT, "{name: soft, weights: {soft: 1}}", "weights are for the objective weighted"),
        (STUDENT, "{name: weighted, weights: {hard: 1}}", "take the objective hard"),
        (
            STUDENT,
            "{name: weighted, weights: {pooled: 1}, temperature: 2}",
            "temperature is for soft, soft-unscaled, dkd, dist",
        ),
        (STUDENT, "{name: weighted, weights: {pool: 1}}", "did you mean 'pooled'?"),
        (STUDENT, "{name: weighted, weights: {soft: -1}}", "greater than 0"),
    ],
)
def test_wrong_weights_are_refused(student, objective, sentence, run_with):
    with pytest.raises(RequestError) as refusal:
        run_with(student, objective)
    assert sentence in str(refusal.value)


def test_terms_have_the_weights_and_only_soft_ones_the_temperature():
    objective = Objective(name="weighted", weights={"hard": 0.1, "soft": 2, "pooled": 0.01}, temperature=5)
    assert objective.terms(labelled=10, rows=10) == (("hard", 0.1, 1), ("soft", 2, 5), ("pooled", 0.01, 1))
