"""Which output of somebody else's file is taken for scores, and what sizes such a file may fix."""

import shutil

import numpy as np
import pytest
from sample_graphs import NUMBER, STATES, SUM, WEIGHTS, write_graph

from export.foreign import open_model
from export.runtimes import RUNTIMES
from export.runtimes.one_by_one import OneByOne
from export.runtimes.runtime import logits_of
from materials.errors import RequestError

TEXTS = ["a lovely film", "dull", "", "the film is a story of two friends"]
LABELS = ("bad", "good")


def as_openvino(file):
    openvino = pytest.importorskip("openvino")
    openvino.save_model(openvino.convert_model(str(file)), str(file.with_suffix(".xml")), compress_to_fp16=False)
    return file.with_suffix(".xml")


@pytest.fixture
def folder(tmp_path, tiny_classifier):
    shutil.copyfile(tiny_classifier / "tokenizer.json", tmp_path / "tokenizer.json")
    return tmp_path


def scores_of(file, *, batch_size=1):
    bundle = open_model(file, label_names=LABELS)
    runtime = RUNTIMES[bundle.runtime](bundle, 1)
    if bundle.inputs[0].dimensions[0] == 1:
        runtime = OneByOne(runtime)
    encoder = bundle.encoder()
    rows = encoder.encode(TEXTS)
    return logits_of(runtime, encoder, rows, batch_size=batch_size), rows


@pytest.mark.parametrize("write", [lambda file: file, as_openvino], ids=["onnx", "openvino"])
@pytest.mark.parametrize(
    "outputs",
    [
        [("last_hidden_state", STATES), ("logits", SUM)],
        [("label", NUMBER), ("states", STATES), ("scores", SUM)],
        [("anything", SUM)],
    ],
)
def test_scores_are_found_among_the_outputs(folder, outputs, write):
    scores, rows = scores_of(write(write_graph(folder, outputs)))
    assert np.allclose(scores, [WEIGHTS[row].sum(axis=0) for row in rows], atol=1e-4)
    assert scores.dtype == np.float32


@pytest.mark.parametrize("write", [lambda file: file, as_openvino], ids=["onnx", "openvino"])
@pytest.mark.parametrize(
    ("outputs", "listed"),
    [
        ([("states", STATES)], r"it has states f\S* \(\?, \?, 2\)$"),
        ([("label", NUMBER), ("states", STATES)], r"it has label \w+64 \(\?\); states f\S* \(\?, \?, 2\)$"),
    ],
)
def test_file_without_an_output_of_scores_is_refused_with_a_list(folder, outputs, listed, write):
    with pytest.raises(RequestError, match=rf"which of its outputs .* named logits, or .* \(batch, 2\); {listed}"):
        open_model(write(write_graph(folder, outputs)), label_names=LABELS)


@pytest.mark.parametrize("write", [lambda file: file, as_openvino], ids=["onnx", "openvino"])
def test_file_with_a_batch_of_one_is_run_row_by_row(folder, write):
    file = write(write_graph(folder, [("logits", SUM)], sizes=(1, "length")))
    together, rows = scores_of(file, batch_size=len(TEXTS))
    assert np.allclose(together, [WEIGHTS[row].sum(axis=0) for row in rows], atol=1e-4)


@pytest.mark.parametrize("write", [lambda file: file, as_openvino], ids=["onnx", "openvino"])
def test_texts_are_padded_to_a_length_that_the_file_fixes(folder, write):
    file = write(write_graph(folder, [("logits", SUM)], sizes=("batch", 6)))
    scores, rows = scores_of(file, batch_size=2)
    assert open_model(file, label_names=LABELS).max_length_tokens == 6
    assert np.allclose(scores, [WEIGHTS[row].sum(axis=0) for row in rows], atol=1e-4)


def test_file_that_takes_a_number_of_texts_at_once_is_refused(folder):
    file = write_graph(folder, [("logits", SUM)], sizes=(8, "length"))
    with pytest.raises(RequestError, match="takes 8 texts at once, no more and no fewer"):
        open_model(file, label_names=LABELS)
