"""What the commands do with a model of images: predict from files, and refuse what is for texts only so far."""

import pandas as pd
import pytest
from sample_command import distilbench
from sample_images import draw_images, save_tiny_image_bundle

from export.predictor import Predictor
from materials.errors import RequestError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the tiny ViT as transformers keeps it, and as a bundle in the folder onnx."""
    return save_tiny_image_bundle(tmp_path_factory.mktemp("tiny-image")).parent


def test_predict_prints_a_line_for_each_image_file(folder, tmp_path, capsys):
    from bench.commands import predict_items

    paths, labels = draw_images(tmp_path, 40, start=3000)
    predict_items(folder / "onnx", paths, all_labels=False, threads=1)
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [(label, path) for label, _, path in lines] == list(zip(labels, paths, strict=True))
    assert all(0.5 <= float(probability) <= 1 for _, probability, _ in lines)
    assert "blue=" in distilbench("predict", folder / "onnx", paths[0], "--all").output


def test_export_writes_bundles_of_an_image_folder_with_and_without_real_images(folder, tmp_path):
    answer = distilbench("export", folder / "vit", "--to", "onnx,torchscript", "--output", tmp_path / "made-up")
    assert answer.code == 0
    paths, labels = draw_images(tmp_path / "drawn", 40, start=4000)
    pd.DataFrame({"file": paths, "label": labels}).to_csv(tmp_path / "rows.csv", index=False)
    rows = ("--quantize-data", tmp_path / "rows.csv", "--text", "file")
    answer = distilbench("export", folder / "vit", "--to", "onnx-int8-static", "--output", tmp_path / "real", *rows)
    assert answer.code == 0
    for bundle in (tmp_path / "made-up" / "onnx", tmp_path / "real" / "onnx-int8-static"):
        assert [prediction.label for prediction in Predictor(bundle).predict(paths)] == labels


def test_file_that_is_no_image_is_refused(folder, tmp_path):
    with pytest.raises(RequestError, match="there is no image file a lovely film"):
        distilbench("predict", folder / "onnx", "a lovely film")


@pytest.mark.parametrize("place", ["onnx", "vit"])
@pytest.mark.parametrize(("command", "count"), [("measure", 1), ("compare", 2)])
def test_measuring_images_is_refused_in_a_sentence(folder, reviews, command, count, place):
    with pytest.raises(RequestError, match="classifies images, and only models of texts can be measured so far"):
        distilbench(command, *[folder / place] * count, "--data", reviews)


def test_process_that_measures_refuses_images_too(folder):
    from bench.harness.subject import load_subject
    from bench.harness.task import Task
    from export.bundle import read_bundle

    with pytest.raises(RequestError, match="classifies images, and only models of texts"):
        load_subject(Task(model=str(folder / "onnx"), threads=1, device="cpu"), read_bundle(folder / "onnx"))
