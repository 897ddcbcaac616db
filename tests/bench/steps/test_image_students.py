"""Students of images: from a pretrained body or from scratch, small or slim, all from one recipe to files that pass."""

import re

import pytest
from sample_command import distilbench
from sample_images import save_tiny_resnet
from sample_tasks import image_folder

from bench.record.run_file import read_run

RECIPE = """
name: several
data: {{train: {data}}}
teacher: {{architecture: image-body, weights: {weights}, hidden: [16], dropout: 0.1, frozen: true, epochs: 5,
  batch_size: 16, learning_rate: 1.0e-2, formats: [eager, onnx]}}
students:
  - {{architecture: image-body, name: other body, weights: {other}, {trained}, settings: {{hidden: [8], dropout: 0.1}}}}
  - {{architecture: image-body, name: same body, {trained}}}
  - {{architecture: mobilenet, image_size: 24, {trained}, settings: {{channels: [4, 8], blocks: 1, width: 2.0}}}}
objectives: [{{name: hard}}, {{name: soft, temperature: 4, alpha: 0.1}}]
formats: [eager, onnx]
speed_seeds: 0
"""
TRAINED = "optimiser: adam, epochs: 3, batch_size: 16, learning_rate: 1.0e-2"


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The run folder, and what the run said."""
    root = tmp_path_factory.mktemp("several")
    weights, other = (save_tiny_resnet(root / name, has_head=False) for name in ("teacher", "student"))
    recipe = RECIPE.format(data=image_folder(root / "images", 60), weights=weights, other=other, trained=TRAINED)
    (root / "recipe.yaml").write_text(recipe, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DISTILBENCH_CACHE", str(root / "cache"))
        answer = distilbench("run", root / "recipe.yaml", "--output", root / "run")
    return root / "run", answer


def test_every_student_is_trained_and_its_files_pass(finished):
    run, answer = finished
    rows = read_run(run).rows
    assert answer.code == 0
    names, titles = ("other body", "same body", "mobilenet"), ("hard", "soft T=4 alpha=0.1")
    students = {f"{name} {title}" for name in names for title in titles}
    assert {row.model for row in rows} == {"teacher", *students}
    assert {row.parity for row in rows} <= {"reference", "passed"}


def test_weights_that_are_trained_are_told_beside_all(finished):
    _, answer = finished
    # A layer of 16 on features of 32, and two outputs.
    assert f"teacher, seed 0: {32 * 16 + 16 + 16 * 2 + 2} of" in answer.notices
    assert "features of 75 images" in answer.notices
    students = re.findall(
        r"mobilenet (hard|soft T=4 alpha=0.1), seed 0: ([0-9,]+) of ([0-9,]+) weights", answer.notices
    )
    assert {title for title, _, _ in students} == {"hard", "soft T=4 alpha=0.1"}
    assert all(trained == total for _, trained, total in students)


def test_classifier_of_other_classes_is_a_body_like_any(tmp_path):
    """As ResNet-18 comes from the Hub, with the classes that it was pretrained for: folds and a new head work."""
    weights = save_tiny_resnet(tmp_path / "resnet")
    recipe = RECIPE.format(data=image_folder(tmp_path / "images", 40), weights=weights, other=weights, trained=TRAINED)
    recipe = recipe.replace("frozen: true", "folds: 2").replace("  - {architecture: mobilenet", "  # - {")
    recipe = recipe.replace("image_size: 24, ", "").replace("formats: [eager, onnx]", "formats: [eager]")
    (tmp_path / "recipe.yaml").write_text("\n".join(line for line in recipe.splitlines() if "# - {" not in line))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DISTILBENCH_CACHE", str(tmp_path / "cache"))
        answer = distilbench("run", tmp_path / "recipe.yaml", "--output", tmp_path / "run")
    assert answer.code == 0
    assert "fine-tuned already" not in answer.notices
    assert "teachers out of fold: " in answer.notices


def test_student_with_the_teacher_starts_and_goes_on_as_the_one_without(tmp_path, monkeypatch):
    """The same weights, and in each step the same pixels: the loss alone differs."""
    import torch

    from training import loop

    seen = {}
    train = loop.train

    def watched(module, *rest, **settings):
        kinds = tuple(term.kind for term in settings["terms"])
        weights = {name: weight.clone() for name, weight in module.state_dict().items()}
        batches = []
        seen[kinds] = (weights, batches)  # of the student alone, which is trained after the teacher
        hook = module.register_forward_pre_hook(
            lambda module, inputs: batches.append(inputs[0].clone()) if module.training else None
        )
        try:
            return train(module, *rest, **settings)
        finally:
            hook.remove()

    monkeypatch.setattr(loop, "train", watched)
    monkeypatch.setenv("DISTILBENCH_CACHE", str(tmp_path / "cache"))
    weights = save_tiny_resnet(tmp_path / "teacher", has_head=False)
    recipe = RECIPE.format(data=image_folder(tmp_path / "images", 40), weights=weights, other=weights, trained=TRAINED)
    kept = [line for line in recipe.splitlines() if "image-body, name" not in line]
    (tmp_path / "recipe.yaml").write_text("\n".join(kept).replace("frozen: true", "frozen: true, views: 3"))
    assert distilbench("run", tmp_path / "recipe.yaml", "--output", tmp_path / "run").code == 0
    (alone_weights, alone), (taught_weights, taught) = seen["hard",], seen["soft", "hard"]
    assert alone_weights.keys() == taught_weights.keys()
    assert all(torch.equal(alone_weights[name], taught_weights[name]) for name in alone_weights)
    assert len(alone) == len(taught) > 3
    assert all(torch.equal(*pair) for pair in zip(alone, taught, strict=True))
    # Another view in another epoch.
    assert not torch.equal(alone[0], alone[-1])
