"""ONNX bundles open with Optimum, in an environment beside this one, for it wants a transformers older than ours.

`tox -e optimum` makes that environment; with one that is there, run

    pytest tests/ecosystem --optimum path/to/its/bin/python
"""

import os
import subprocess

import pytest
from sample_docs import program
from sample_texts import sentences

from export.predictor import Predictor

TEXTS = [text for text in (*sentences(6)[0], "", "film " * 200, "雨 🌧 [MASK] [SEP]") if text.isprintable()]


@pytest.fixture
def python(pytestconfig):
    """The interpreter that has Optimum."""
    if pytestconfig.getoption("--optimum") is None:
        pytest.skip("needs --optimum, the Python of an environment with Optimum")
    return pytestconfig.getoption("--optimum")


@pytest.mark.parametrize("format", ["onnx", "onnx-int8"])
def test_program_of_the_page_gives_the_labels_and_probabilities(python, tiny_bundle, format):
    folder = tiny_bundle("transformer", format)
    command = [python, "-I", "-c", program("with_optimum.py"), str(folder), *TEXTS]
    offline = {**os.environ, "HF_HUB_OFFLINE": "1"}
    answer = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", env=offline)
    assert answer.returncode == 0, answer.stderr
    rows = [line.split("\t") for line in answer.stdout.splitlines()]
    predictor = Predictor(folder)
    expected = [predictor.predict([text])[0] for text in TEXTS]  # alone, as a pipeline takes them
    assert [(label, text) for label, _, text in rows] == [
        (prediction.label, text) for prediction, text in zip(expected, TEXTS, strict=True)
    ]
    probabilities = [float(probability) for _, probability, _ in rows]
    assert probabilities == pytest.approx([prediction.probability for prediction in expected], abs=1e-4)
