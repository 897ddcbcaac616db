"""The whole way of a teacher that was never trained for the labels: no label is looked at but those of test rows."""

import pandas as pd
import pytest
from sample_models import save_tiny_bert
from sample_texts import sentences

from bench.commands.run import RunRequest, run_recipe
from bench.commands.show import show_run
from bench.record.run_file import read_run
from bench.reports.curves import read_histories
from materials.errors import RequestError
from materials.splits.store import load_splits

NLI_NAMES = ("contradiction", "entailment", "neutral")
RECIPE = """
name: zero
data: {{train: {train}, test: {test}, classes: {{good: [a good film, praise], bad: a bad film}}}}
teacher: {{architecture: {teacher}, weights: {weights}, max_length_tokens: 32, formats: [eager]}}
students: [{{architecture: linear, dimensions: 8, epochs: 2, settings: {{buckets: 100}}}}]
objectives: [{{name: soft}}, {{name: logits}}]
formats: [eager]
speed_seeds: 0
"""


@pytest.fixture(scope="module")
def tiny_nli(tmp_path_factory):
    """A model of natural language inference, by its labels: its weights are random."""
    return save_tiny_bert(tmp_path_factory.mktemp("models") / "tiny-nli", label_names=NLI_NAMES)


@pytest.fixture
def rows(tmp_path):
    """Train and test rows as CSV files, whose train labels are all wrong."""
    texts, labels = sentences(200)
    names = ["good" if label == labels[0] else "bad" for label in labels]
    pd.DataFrame({"text": texts[:150], "label": "wrong"}).to_csv(tmp_path / "train.csv", index=False)
    pd.DataFrame({"text": texts[150:], "label": names[150:]}).to_csv(tmp_path / "test.csv", index=False)
    return tmp_path / "train.csv", tmp_path / "test.csv"


@pytest.fixture
def run_zero(rows, tiny_nli, tiny_bert, tmp_path, monkeypatch):
    """A function that runs the recipe with a teacher and changes."""
    monkeypatch.setenv("DISTILBENCH_CACHE", str(tmp_path / "cache"))

    def run(teacher, *changes, **flags):
        weights = tiny_nli if teacher == "zero-shot-nli" else tiny_bert
        recipe = tmp_path / "zero.yaml"
        recipe.write_text(RECIPE.format(train=rows[0], test=rows[1], teacher=teacher, weights=weights))
        output = tmp_path / "run"
        request = RunRequest(recipe=str(recipe), flags=flags, overrides=changes, output=output, fresh=False)
        assert run_recipe(request, dry_run=False) == 0
        return read_run(output)

    return run


def splits_of(tmp_path):
    """The splits with and without the teacher's decisions, in this order."""
    stages = [load_splits(folder) for folder in (tmp_path / "cache" / "stages" / "splits").iterdir() if folder.is_dir()]
    return sorted(stages, key=lambda splits: splits.train.targets[0] == -1)


@pytest.mark.parametrize("teacher", ["zero-shot-nli", "zero-shot-embedding"])
def test_no_label_is_looked_at_but_those_of_test_rows(teacher, run_zero, tmp_path, capsys):
    run = run_zero(teacher, "teacher.formats=[eager, onnx]")
    answered, bare = splits_of(tmp_path)
    for part in ("train", "validation"):
        assert set(getattr(bare, part).targets.tolist()) == {-1}
        assert set(getattr(answered, part).targets.tolist()) <= {0, 1}
    assert answered.label_names == ("good", "bad")
    assert answered.test.targets.tolist() == bare.test.targets.tolist()
    names = pd.read_csv(tmp_path / "test.csv")["label"].tolist()
    assert [answered.label_names[number] for number in bare.test.targets] == names
    teachers = [row for row in run.rows if row.role == "teacher"]
    assert all(row.agreement == 1 and row.divergence == pytest.approx(0, abs=1e-6) for row in teachers)
    students = [row for row in run.rows if row.role == "student"]
    assert all(0 <= row.agreement <= 1 and row.divergence > 0 and row.gap_closed is None for row in students)
    capsys.readouterr()
    show_run(tmp_path / "run", "markdown")
    shown = capsys.readouterr().out
    assert "fidelity to the teacher on test rows" in shown
    assert "gap closed is blank" not in shown


def test_texts_without_any_label_are_judged_by_the_teachers_answers(run_zero, tmp_path, capfd):
    (tmp_path / "texts.txt").write_text("\n\n".join(sentences(160)[0]) + "\n", encoding="utf-8")
    (tmp_path / "names.txt").write_text("a good film\n\na bad film\n", encoding="utf-8")
    flags = {"data.train": str(tmp_path / "texts.txt"), "data.classes": str(tmp_path / "names.txt")}
    run = run_zero("zero-shot-embedding", **flags)
    printed = capfd.readouterr().err
    assert "159 rows without an item or a label are left out" in printed
    assert "the teacher's decisions stand for them" in printed
    assert run.recipe["data"]["classes"] == {"a good film": ["a good film"], "a bad film": ["a bad film"]}
    assert next(row for row in run.rows if row.role == "teacher").accuracy == 1


def test_test_rows_that_are_split_off_keep_their_labels_and_no_other_row_does(run_zero, rows, tmp_path):
    run_zero("zero-shot-embedding", f"data.train={rows[1]}", "data.test=null", "data.test_share=0.4")
    answered, bare = splits_of(tmp_path)
    names = dict(pd.read_csv(rows[1]).itertuples(index=False))
    assert [bare.label_names[target] for target in bare.test.targets] == [names[text] for text in bare.test.items]
    assert set(bare.train.targets.tolist()) | set(bare.validation.targets.tolist()) == {-1}
    assert set(answered.train.targets.tolist()) <= {0, 1}


def test_labels_of_train_rows_may_be_empty(run_zero, rows):
    pd.DataFrame({"text": sentences(160)[0], "label": ["", "x"] * 80}).to_csv(rows[0], index=False)
    assert run_zero("zero-shot-embedding").rows


@pytest.mark.parametrize("teacher", ["zero-shot-nli", "zero-shot-embedding"])
def test_refined_teacher_stands_beside_the_plain_one(teacher, run_zero, tiny_bert):
    changes = [f"teacher.embeddings={tiny_bert}"] if teacher == "zero-shot-nli" else []
    run = run_zero(teacher, "teacher.refine=k-means", *changes)
    titles = {(row.model, row.role): row for row in run.rows}
    plain = titles["teacher, plain", "plain teacher"]
    assert (plain.format, plain.texts_per_second, plain.agreement < 1) == ("eager", None, True)
    assert ("teacher", "teacher") in titles


def test_students_choose_their_epoch_by_agreement_with_the_teacher(run_zero, tmp_path):
    run_zero("zero-shot-embedding")
    histories = read_histories(tmp_path / "run")
    assert histories["validation_accuracy"].notna().all()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("teacher.template=about {} or {}", "teacher.template: expected one {} for the class's description"),
        ("teacher.template=nothing", "teacher.template: expected one {}"),
        ("data.classes=[one]", "expected 2 to 1,000 class names; got 1"),
        ("data.classes=[one, one]", "the class 'one' stands twice"),
        ("data.classes=[yes, no]", "put it in quotes"),
        ("data.classes={' a': x, a: y}", "the class 'a' stands twice"),
        ("data.classes=[one, '']", "a class name is a text that is not empty"),
        ("data.classes={a: [x, y], b: x}", "the classes 'a' and 'b' are both called 'x'"),
        ("data.classes=null", "needs the names of the classes"),
        ("data.classes=nowhere.txt", "there is no file nowhere.txt of class names"),
        ("data.classes=[wrong, right]", "the test rows have the class 'bad', which is none of data.classes"),
        ("objectives.0.name=hard", "objective 'hard' learns from labels"),
        ("teacher.epochs=3", "zero-shot-embedding does not use epochs"),
        ("teacher.embeddings=minilm-l6", "zero-shot-embedding does not use embeddings"),
        ("teacher.refine=kmeans", "unknown refinement 'kmeans'; did you mean 'k-means'?"),
        ("data.task=multi-label", "several labels a text are for zero-shot-nli"),
        ("data.train_rows=10", "balance and train_rows count labels"),
    ],
)
def test_wrong_request_is_one_sentence(change, sentence, run_zero):
    with pytest.raises(RequestError) as refusal:
        run_zero("zero-shot-embedding", change)
    assert sentence in str(refusal.value)


def test_ten_thousand_class_names_are_refused(run_zero, tmp_path):
    (tmp_path / "names.txt").write_text("\n".join(f"name {number}" for number in range(10_000)))
    with pytest.raises(RequestError, match="expected 2 to 1,000 class names; got 10,000"):
        run_zero("zero-shot-embedding", **{"data.classes": str(tmp_path / "names.txt")})


def test_what_a_refined_teacher_of_inference_cannot_do_is_said_before_anything_is_computed(run_zero):
    for change, sentence in (
        ("data.task=multi-label", "a teacher of several labels a text cannot be refined"),
        ("teacher.embeddings=minilmm", "unknown weights 'minilmm'; did you mean 'minilm'?"),
    ):
        with pytest.raises(RequestError) as refusal:
            run_zero("zero-shot-nli", "teacher.refine=k-means", change)
        assert sentence in str(refusal.value)


def test_entailment_needs_a_model_that_has_it(run_zero, tiny_classifier):
    with pytest.raises(RequestError, match="none of which is entailment"):
        run_zero("zero-shot-nli", f"teacher.weights={tiny_classifier}")
