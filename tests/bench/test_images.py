"""What the commands do with a model of images: predict from files, and refuse what is for texts only so far."""

import pandas as pd
import pytest
from sample_command import distilbench
from sample_images import draw_images, labelled_images
from sample_models import exported_once, opened_once

from export.predictor import Predictor
from materials.errors import RequestError


@pytest.fixture(scope="module")
def places(tiny_vit, tmp_path_factory):
    """The tiny ViT as transformers keeps it, vit, and as a bundle, onnx."""
    root = tmp_path_factory.mktemp("places")
    rows = labelled_images(root / "drawn", 12, start=500)
    with opened_once({"vit": tiny_vit}, rows.items) as origin_of:
        return {"vit": tiny_vit, "onnx": exported_once(origin_of, root, rows=rows)("vit", "onnx")}


def test_predict_prints_a_line_for_each_image_file(places, tmp_path, capsys):
    from bench.commands.run import predict_items

    paths, labels = draw_images(tmp_path, 40, start=3000)
    predict_items(places["onnx"], paths, all_labels=False, threads=1)
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [(label, path) for label, _, path in lines] == list(zip(labels, paths, strict=True))
    assert all(0.5 <= float(probability) <= 1 for _, probability, _ in lines)
    assert "blue=" in distilbench("predict", places["onnx"], paths[0], "--all").output


def test_export_writes_bundles_of_an_image_folder_with_and_without_real_images(places, tmp_path):
    answer = distilbench("export", places["vit"], "--to", "onnx,torchscript", "--output", tmp_path / "made-up")
    assert answer.code == 0
    paths, labels = draw_images(tmp_path / "drawn", 40, start=4000)
    pd.DataFrame({"file": paths, "label": labels}).to_csv(tmp_path / "rows.csv", index=False)
    rows = ("--quantize-data", tmp_path / "rows.csv", "--text", "file")
    answer = distilbench("export", places["vit"], "--to", "onnx-int8-static", "--output", tmp_path / "real", *rows)
    assert answer.code == 0
    for bundle in (tmp_path / "made-up" / "onnx", tmp_path / "real" / "onnx-int8-static"):
        assert [prediction.label for prediction in Predictor(bundle).predict(paths)] == labels


def test_file_that_is_no_image_is_refused(places, tmp_path):
    with pytest.raises(RequestError, match="there is no image file a lovely film"):
        distilbench("predict", places["onnx"], "a lovely film")


@pytest.mark.parametrize("place", ["onnx", "vit"])
@pytest.mark.parametrize(("command", "count"), [("measure", 1), ("compare", 2)])
def test_measuring_images_is_refused_in_a_sentence(places, reviews, command, count, place):
    with pytest.raises(RequestError, match="classifies images, and only models of texts can be measured so far"):
        distilbench(command, *[places[place]] * count, "--data", reviews)


def test_process_that_measures_refuses_images_too(places):
    from bench.harness.subject import load_subject
    from bench.harness.workload import Workload
    from export.bundle import read_bundle

    with pytest.raises(RequestError, match="classifies images, and only models of texts"):
        load_subject(Workload(model=str(places["onnx"]), threads=1, device="cpu"), read_bundle(places["onnx"]))
