"""The whole way of a teacher of whom only a file of answers is there."""

import numpy as np
import pandas as pd
import pytest
from sample_texts import sentences

from bench.commands.run import RunRequest, run_recipe
from bench.record.run_file import read_run
from bench.reports.notes import footnotes
from materials.errors import RequestError

RECIPE = """
name: given
data: {{train: {train}}}
teacher: {{architecture: outputs, weights: {answers}, cost: "0.40 dollars a thousand texts"}}
students: [{{architecture: linear, dimensions: 8, epochs: 3, settings: {{buckets: 100}}}}]
objectives: [{{name: hard}}, {{name: soft}}]
formats: [eager]
speed_seeds: 0
measuring: {{seconds: 0.1, scenarios: [single-stream]}}
"""
TEXTS, LABELS = sentences(240)
NAMES = sorted(set(LABELS))


def answers_of(texts, labels, right=0.9):
    """Probabilities for the right label, as a teacher gives them that is nearly always right."""
    sure = np.full(len(texts), right)
    columns = {name: np.where(np.array(labels) == name, sure, (1 - sure) / (len(NAMES) - 1)) for name in NAMES}
    return pd.DataFrame({"text": texts, **columns})


@pytest.fixture
def run_given(tmp_path, monkeypatch):
    """A function that runs the recipe with labelled or unlabelled texts and a table of answers."""
    monkeypatch.setenv("DISTILBENCH_CACHE", str(tmp_path / "cache"))

    def run(answers, *changes, labelled=True, texts=None):
        frame = pd.DataFrame({"text": TEXTS, **({"label": LABELS} if labelled else {})}) if texts is None else texts
        frame.to_csv(tmp_path / "texts.csv", index=False)
        answers.to_csv(tmp_path / "answers.csv", index=False)
        recipe = tmp_path / "given.yaml"
        recipe.write_text(RECIPE.format(train=tmp_path / "texts.csv", answers=tmp_path / "answers.csv"))
        request = RunRequest(recipe=str(recipe), flags={}, overrides=changes, output=tmp_path / "run", fresh=False)
        assert run_recipe(request, dry_run=False) == 0
        return read_run(tmp_path / "run")

    return run


def test_answers_teach_students_and_are_judged_without_a_speed(run_given):
    run = run_given(answers_of(TEXTS, LABELS), "speed_seeds=1", "formats=[eager, onnx]")
    teacher = next(row for row in run.rows if row.role == "teacher")
    assert (teacher.format, teacher.macro_f1, teacher.parity) == ("answers", 1.0, "reference")
    assert (teacher.latency_p50_ms, teacher.parameters, teacher.speedup) == (None, None, None)
    students = [row for row in run.rows if row.role == "student"]
    assert {row.objective for row in students} == {"hard", "soft"}
    assert all(row.agreement is not None and row.latency_p50_ms > 0 and row.speedup is None for row in students)
    assert "an answer of the teacher, as given and not measured: 0.40 dollars a thousand texts" in footnotes(run)


def test_without_labels_the_answers_stand_for_them(run_given, capfd):
    run = run_given(answers_of(TEXTS, LABELS), labelled=False)
    assert next(row for row in run.rows if row.role == "teacher").accuracy == 1
    printed = capfd.readouterr().err
    assert "holds probabilities for" in printed
    assert "the teacher's answers stand for them" in printed
    assert "impossible here" not in printed


def test_rows_without_an_answer_are_left_out_and_counted(run_given, capfd):
    known = len(TEXTS) // 2
    run = run_given(answers_of(TEXTS[:known], LABELS[:known]), labelled=False)
    assert f"{len(TEXTS) - known:,} train rows have no answer of the teacher" in capfd.readouterr().err
    assert any(row.role == "teacher" for row in run.rows)


def test_teacher_that_does_not_know_the_test_rows_has_no_row(run_given, tmp_path, capfd):
    test = pd.DataFrame({"text": [f"{text} indeed" for text in TEXTS[:40]], "label": LABELS[:40]})
    test.to_csv(tmp_path / "test.csv", index=False)
    run = run_given(answers_of(TEXTS, LABELS), f"data.test={tmp_path / 'test.csv'}")
    assert "has no answer for 40 test rows" in capfd.readouterr().err
    assert {row.role for row in run.rows} == {"student"}


def test_answers_to_other_texts_are_refused(run_given):
    others = answers_of([f"other {text}" for text in TEXTS], LABELS)
    with pytest.raises(RequestError, match="has an answer for none of the 240 rows"):
        run_given(others)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("students.0.tokenizer=teacher", "starts from the teacher's tokens or weights"),
        ("students.0={architecture: transformer}", "starts from the teacher's tokens or weights"),
        ("teacher.epochs=2", "outputs does not use epochs"),
        ("teacher.formats=[eager]", "outputs does not use formats"),
        ("teacher.weights=nowhere.csv", "there is no file nowhere.csv of answers"),
        ("objectives.1.teacher_every_epoch=true", "teacher_every_epoch runs the teacher"),
    ],
)
def test_what_needs_a_model_is_refused(change, sentence, run_given):
    with pytest.raises(RequestError, match=sentence):
        run_given(answers_of(TEXTS, LABELS), change)


@pytest.mark.parametrize("labelled", [True, False])
def test_answers_of_several_labels_teach_students_of_several(labelled, run_given):
    names = ("short", "film")
    targets = np.array([[len(text) < 60, "film" in text] for text in TEXTS])
    answers = pd.DataFrame({"text": TEXTS, **dict(zip(names, np.where(targets, 0.9, 0.1).T, strict=True))})
    texts = pd.DataFrame({"text": TEXTS})
    if labelled:
        texts["label"] = [
            ";".join(name for name, is_on in zip(names, row, strict=True) if is_on) for row in targets.tolist()
        ]
    run = run_given(
        answers, "data.task=multi-label", "data.separator=;", "objectives=[{name: soft}, {name: logits}]", texts=texts
    )
    assert run.recipe["data"]["task"] == "multi-label"
    assert next(row for row in run.rows if row.role == "teacher").score("macro_f1").value == 1
    assert {row.objective for row in run.rows if row.role == "student"} == {"soft", "logits"}
