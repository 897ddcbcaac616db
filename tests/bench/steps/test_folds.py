"""No row is labelled by a teacher that was trained on it, and students see the very views that were labelled."""

import json

import numpy as np
import pytest
from sample_command import distilbench
from sample_images import save_tiny_resnet
from sample_models import save_tiny_bert
from sample_tasks import image_folder
from sample_texts import sentences

from bench.record.run_file import read_run
from bench.steps.folds import fold_numbers, folds_of
from export.checkpoint import load_checkpoint
from materials.errors import RequestError
from materials.files import digest
from materials.rows import Rows
from materials.splits.store import load_splits
from materials.tasks.regression import Regression
from materials.tasks.single_label import SingleLabel
from teachers.knowledge import load_knowledge
from training.loop import compute_outputs

RECIPE = """
name: folded
data: {{train: {data}}}
teacher: {{architecture: {architecture}, weights: {weights}, {more}, folds: 3, epochs: 2, batch_size: 16,
  learning_rate: 3.0e-3, formats: [eager, onnx]}}
students: [{student}]
objectives: [{{name: hard}}, {{name: distilled}}, {{name: soft, temperature: 4, alpha: 0.1}}]
formats: [eager]
speed_seeds: 0
"""
TRAINED = "epochs: 4, batch_size: 16, learning_rate: 1.0e-2"
RESNET = f"{{architecture: resnet, image_size: 24, {TRAINED}, settings: {{channels: [8]}}}}"
LINEAR = f"{{architecture: linear, dimensions: 8, {TRAINED}, settings: {{buckets: 50}}}}"


def text_file(path):
    texts, labels = sentences(90)
    path.write_text("text,label\n" + "".join(f'"{text}",{label}\n' for text, label in zip(texts, labels, strict=True)))
    return path


def recipe_of(kind, root):
    if kind == "images":
        return RECIPE.format(
            data=image_folder(root / "images", 60),
            architecture="image-body",
            weights=save_tiny_resnet(root / "resnet", has_head=False),
            more="hidden: [16], dropout: 0.2, views: 2, varied: true",
            student=RESNET,
        )
    return RECIPE.format(
        data=text_file(root / "texts.csv"),
        architecture="transformer",
        weights=save_tiny_bert(root / "bert", label_names=None),
        more="max_length_tokens: 16",
        student=LINEAR,
    )


@pytest.fixture(scope="module", params=["images", "texts"])
def finished(request, tmp_path_factory):
    """The kind of items, the cache, the run folder and what the run printed."""
    root = tmp_path_factory.mktemp(request.param)
    (root / "recipe.yaml").write_text(recipe_of(request.param, root), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DISTILBENCH_CACHE", str(root / "cache"))
        answer = distilbench("run", root / "recipe.yaml", "--output", root / "run")
        again = distilbench("run", root / "recipe.yaml", "--output", root / "run")
    return request.param, root / "cache" / "stages", root / "run", answer, again


def stored(stages, name):
    return sorted(record.parent for record in (stages / name).glob("*/stage.json"))


def inputs_of(folder):
    return json.loads((folder / "stage.json").read_text())["inputs"]


def test_no_row_was_labelled_by_a_teacher_trained_on_it(finished):
    _, stages, _, _, _ = finished
    (splits_folder,), (knowledge_folder,) = (stored(stages, name) for name in ("splits", "knowledge"))
    train = load_splits(splits_folder).train
    knowledge = load_knowledge(knowledge_folder)
    fold_of = knowledge.folds[knowledge.rows_of(train.items, train.modality)]
    assert set(fold_of) == {0, 1, 2}
    trained_on = {inputs_of(folder)["fold"]: load_splits(folder) for folder in stored(stages, "fold")}
    for item, fold in zip(train.items, fold_of, strict=True):
        assert item not in trained_on[fold].train.items
        assert item in trained_on[fold].test.items
    # Each of these teachers is of its own: three for the folds, one of all rows.
    assert len(stored(stages, "teacher")) == 4


def test_outputs_are_those_of_the_teacher_that_did_not_see_the_row_and_of_the_mean_on_test_rows(finished):
    _, stages, run, _, _ = finished
    (splits_folder,), (knowledge_folder,) = (stored(stages, name) for name in ("splits", "knowledge"))
    rows = load_splits(splits_folder)
    knowledge = load_knowledge(knowledge_folder)
    teachers = {inputs_of(folder)["rows"]: load_checkpoint(folder) for folder in stored(stages, "teacher")}
    test_logits = []
    for fold in map(load_splits, stored(stages, "fold")):
        teacher = teachers[digest([[part.digest, part.targets.tolist()] for part in (fold.train, fold.validation)])]
        said = knowledge.outputs.take(knowledge.rows_of(fold.test.items, rows.modality)).logits
        assert said == pytest.approx(logits_of(teacher, fold.test.items), abs=1e-3)
        test_logits.append(logits_of(teacher, rows.test.items))
    assert np.load(knowledge_folder / "test_logits.npy") == pytest.approx(np.mean(test_logits, axis=0), abs=1e-3)
    right = np.mean(np.mean(test_logits, axis=0).argmax(axis=1) == rows.test.targets)
    assert read_run(run).labelling[0]["folds"]["mean_on_test"]["accuracy"] == pytest.approx(right)


def logits_of(classifier, items):
    encoded = classifier.encoder.encode(items)
    return compute_outputs(classifier.module, encoded, classifier.encoder, device="cpu", bf16=False).logits


def test_scores_of_each_fold_and_out_of_fold_are_printed_and_kept(finished):
    _, _, run, answer, _ = finished
    for words in ("teacher without fold 1: ", "teacher without fold 3: ", "teachers out of fold: ", "mean of the 3 on"):
        assert words in answer.notices
    (labelling,) = read_run(run).labelling
    assert len(labelling["folds"]["folds"]) == 3
    assert 0 <= labelling["folds"]["out_of_fold"]["accuracy"] <= 1


def test_second_run_trains_nothing(finished):
    _, _, run, _, again = finished
    assert again.code in (0, 1)
    assert "seed 0 (" not in again.notices.replace("splits of seed 0 (", "")
    assert {row.objective for row in read_run(run).rows if row.role == "student"} == {"hard", "distilled", "soft"}


def test_views_are_stored_for_images_alone(finished):
    kind, stages, _, _, _ = finished
    (folder,) = stored(stages, "knowledge")
    knowledge = load_knowledge(folder)
    if kind == "texts":
        assert knowledge.views is None
    else:
        assert knowledge.views.shape == (len(knowledge.keys), 2, 2)
        assert np.abs(knowledge.views - np.asarray(knowledge.outputs.logits)[:, None]).max() > 1e-4


def test_folds_hold_an_equal_share_of_each_class():
    targets = np.repeat([0, 1, 2], [40, 16, 4])
    rows = Rows(items=[str(number) for number in range(60)], targets=targets)
    fold_of = folds_of(rows, SingleLabel(), 4, seed=0)
    counts = [[int(((fold_of == fold) & (targets == label)).sum()) for label in range(3)] for fold in range(4)]
    assert counts == [[10, 4, 1]] * 4
    assert not np.array_equal(fold_of, folds_of(rows, SingleLabel(), 4, seed=1))


def test_numbers_and_classes_of_single_rows_have_folds_too():
    rows = Rows(items=list("abcdefgh"), targets=np.arange(8))
    assert sorted(folds_of(rows, SingleLabel(), 4, seed=0)) == [0, 0, 1, 1, 2, 2, 3, 3]
    numbers = Rows(items=list("abcdefgh"), targets=np.linspace(0, 1, 8))
    assert sorted(folds_of(numbers, Regression(), 2, seed=0)) == [0] * 4 + [1] * 4
    with pytest.raises(RequestError, match="8 train rows do not make 9 folds; set teacher.folds to fewer"):
        folds_of(rows, SingleLabel(), 9, seed=0)


def test_rows_that_all_teachers_label_have_no_fold():
    from bench.steps.folds import Fold

    folds = [Fold(numbers=np.array([0, 2]), bundles={}), Fold(numbers=np.array([1]), bundles={})]
    assert fold_numbers(folds, 3, 2).tolist() == [0, 1, 0, -1, -1]


def test_teacher_that_is_fine_tuned_already_has_no_folds(tiny_classifier, tmp_path):
    recipe = RECIPE.format(
        data=text_file(tmp_path / "texts.csv"),
        architecture="transformer",
        weights=tiny_classifier,
        more="max_length_tokens: 16",
        student=LINEAR,
    )
    (tmp_path / "recipe.yaml").write_text(recipe, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DISTILBENCH_CACHE", str(tmp_path / "cache"))
        with pytest.raises(RequestError, match="is fine-tuned already, so it cannot label rows that it was trained"):
            distilbench("run", tmp_path / "recipe.yaml", "--output", tmp_path / "run")


def test_progress_of_all_passes_is_one_rising_count(monkeypatch):
    from types import SimpleNamespace

    from bench.steps import knowledge

    def label_items(bundles, choice, items, *, device, report, encode):
        for done in range(1, len(items) + 1):
            report(done, len(items))
        outputs = SimpleNamespace(logits=np.zeros((len(items), 2), dtype=np.float32))
        return SimpleNamespace(outputs=outputs, rows_per_second=10.0)

    monkeypatch.setattr("export.labelling.label_items", label_items)
    place = SimpleNamespace(work=SimpleNamespace(recipe=SimpleNamespace(trained_on="cpu")))
    passes, seen = knowledge._Passes(place, None, total=7), []
    passes.report = lambda done, total: seen.append((done, total))
    for items in ("abcde", "ab"):
        passes.label({}, list(items), view=None)
    assert seen == [(done, 7) for done in range(1, 8)]
    assert passes.rows_per_second == 10.0
