"""What the commands do with a model of images: predict, export, measure, compare and verify."""

import numpy as np
import pandas as pd
import pytest
from sample_command import distilbench
from sample_images import draw_images, labelled_images
from sample_models import exported_once, opened_once

from bench.record.run_file import read_run
from export.predictor import Predictor
from materials.errors import RequestError


@pytest.fixture(scope="module")
def places(tiny_vit, tmp_path_factory):
    """The tiny ViT as transformers keeps it, vit, and as a bundle, onnx."""
    root = tmp_path_factory.mktemp("places")
    rows = labelled_images(root / "drawn", 12, start=500)
    with opened_once({"vit": tiny_vit}, rows.items) as origin_of:
        return {"vit": tiny_vit, "onnx": exported_once(origin_of, root, rows=rows)("vit", "onnx")}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Images that no model has seen: their paths, their labels, and a file that names them."""
    folder = tmp_path_factory.mktemp("drawn")
    paths, labels = draw_images(folder, 40, start=3000)
    pd.DataFrame({"file": paths, "label": labels}).to_csv(folder / "rows.csv", index=False)
    return paths, labels, folder / "rows.csv"


def test_predict_prints_a_line_for_each_image_file(places, drawn, capsys):
    from bench.commands.predict import predict_items

    paths, labels, _ = drawn
    predict_items(places["onnx"], paths, all_labels=False, threads=1)
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [(label, path) for label, _, path in lines] == list(zip(labels, paths, strict=True))
    assert all(0.5 <= float(probability) <= 1 for _, probability, _ in lines)
    assert "blue=" in distilbench("predict", places["onnx"], paths[0], "--all").output


def test_export_writes_bundles_of_an_image_folder_with_and_without_real_images(places, drawn, tmp_path):
    answer = distilbench("export", places["vit"], "--to", "onnx,torchscript", "--output", tmp_path / "made-up")
    assert answer.code == 0
    paths, labels, file = drawn
    rows = ("--quantize-data", file, "--text", "file")
    answer = distilbench("export", places["vit"], "--to", "onnx-int8-static", "--output", tmp_path / "real", *rows)
    assert answer.code == 0
    for bundle in (tmp_path / "made-up" / "onnx", tmp_path / "real" / "onnx-int8-static"):
        assert [prediction.label for prediction in Predictor(bundle).predict(paths)] == labels


def test_file_that_is_no_image_is_refused(places, tmp_path):
    with pytest.raises(RequestError, match="there is no image file a lovely film"):
        distilbench("predict", places["onnx"], "a lovely film")


def test_folder_of_transformers_and_bundle_are_measured_and_compared_on_images(places, drawn, tmp_path):
    rows = ("--data", drawn[2], "--text", "file")
    steady = ("--scenarios", "single-stream,offline", "--seconds", "0.2", "--batch-sizes", "8")
    answer = distilbench("measure", places["vit"], places["onnx"], *rows, *steady, "--output", tmp_path / "run")
    assert answer.code == 0
    measured = read_run(tmp_path / "run").rows
    assert [row.macro_f1 for row in measured] == [1.0, 1.0]
    assert all(row.end_to_end_latency_p50_ms > row.latency_p50_ms > 0 for row in measured)
    answer = distilbench("compare", places["vit"], places["onnx"], *rows, "--launches", 5)
    assert answer.code == 0
    assert "macro-F1 same 100.0 100.0" in answer.output.replace("│", "").replace("  ", " ")


def test_rows_of_texts_cannot_measure_a_model_of_images(places, reviews, tmp_path):
    with pytest.raises(RequestError, match="has no column 'image'; name one with --text"):
        distilbench("measure", places["onnx"], "--data", reviews, "--output", tmp_path / "run")


def test_verify_repeats_the_gate_on_images(places, drawn):
    answer = distilbench("verify", places["onnx"], "--against", places["vit"], "--data", drawn[2], "--text", "file")
    assert answer.code == 0
    assert "onnx passed" in answer.output


def test_any_form_of_images_is_measured_with_names_for_its_classes(places, drawn, tmp_path, monkeypatch):
    monkeypatch.setenv("DISTILBENCH_CACHE", str(tmp_path / "cache"))
    rows = np.random.default_rng(0).integers(0, 160, size=(20, 32, 32, 3), dtype=np.uint8)
    numbers = np.arange(20) % 2
    for number, row in zip(numbers, rows, strict=True):
        row[..., 0 if number else 2] += 90
    np.savez(tmp_path / "rows.npz", images=rows, labels=numbers)
    (tmp_path / "names.csv").write_text("number,name\n0,blue\n1,red\n2,green\n")
    command = ("measure", places["onnx"], "--data", tmp_path / "rows.npz", "--output", tmp_path / "run")
    quick = ("--scenarios", "single-stream", "--seconds", "0.02")
    assert distilbench(*command, *quick, "--class-names", tmp_path / "names.csv").code == 0
    assert read_run(tmp_path / "run").rows[0].macro_f1 == 1.0
    with pytest.raises(RequestError, match="knows the labels blue, red; the rows have 0, 1"):
        distilbench(*command, *quick)


def test_names_of_classes_are_for_images_alone(tiny_onnx, reviews, tmp_path):
    names = ("--class-names", tmp_path / "names.csv")
    with pytest.raises(RequestError, match="--class-names is given, which is for images, but the model reads texts"):
        distilbench("measure", tiny_onnx, "--data", reviews, *names, "--output", tmp_path / "run")
