"""An ONNX bundle predicts in an environment that holds onnxruntime, tokenizers and numpy, and nothing else."""

import json
import os
import shutil
import subprocess
import venv
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path

import pytest
from sample_docs import program
from sample_texts import sentences

from export.predictor import Predictor
from materials.files import sha256_of

NEEDED = ("onnxruntime", "tokenizers", "numpy")
OWN = ("encoders", "export", "training", "materials")
TEXTS = [*sentences(12)[0], "", "film " * 200, "雨 🌧", "two\nlines and a\ttab"]
PREDICT = """
import json, sys
from pathlib import Path
from export.predictor import Predictor

predictions = Predictor(Path(sys.argv[1])).predict(json.loads(sys.argv[2]))
print(json.dumps([[prediction.label, prediction.probabilities] for prediction in predictions]))
"""
REFUSED = """
import sys
from pathlib import Path
from export.predictor import Predictor
from materials.errors import RequestError

try:
    Predictor(Path(sys.argv[1]))
except RequestError as error:
    print(error)
"""


@pytest.fixture(scope="session")
def bare(tmp_path_factory):
    """A function that runs a program with arguments in an environment with nothing but NEEDED."""
    folder = tmp_path_factory.mktemp("small") / "environment"
    venv.create(folder, with_pip=False, symlinks=os.name != "nt")
    packages = next(folder.glob("lib/python*/site-packages"))
    for name in NEEDED:
        link_distribution(name, packages)

    def run(code, *arguments):
        command = [str(folder / "bin" / "python"), "-I", "-c", code, *arguments]
        answer = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
        assert answer.returncode == 0, answer.stderr
        return answer.stdout

    run.packages = packages
    return run


@pytest.fixture
def small(bare):
    """The same environment with the packages of distilbench that a prediction goes through."""
    for name in OWN:
        (bare.packages / name).symlink_to(Path(find_spec(name).origin).parent)
    yield bare
    for name in OWN:
        (bare.packages / name).unlink()


def link_distribution(name, packages):
    """Link each file of an installed distribution; what lies outside, such as its scripts, is left out."""
    for file in distribution(name).files:
        if ".." not in file.parts and file.suffix != ".pyc":
            (packages / file).parent.mkdir(parents=True, exist_ok=True)
            (packages / file).symlink_to(file.locate())


@pytest.mark.parametrize("name", ["torch", "onnx", "transformers", "pydantic", "filelock", "platformdirs"])
def test_environment_holds_nothing_else(bare, name):
    assert find_spec(name) is not None
    assert bare(f"import importlib.util; print(importlib.util.find_spec('{name}'))").strip() == "None"


@pytest.mark.parametrize("format", ["onnx", "onnx-int8"])
@pytest.mark.parametrize("model", ["student", "transformer"])
def test_bundle_predicts_there_as_it_does_in_the_full_environment(small, tiny_bundle, model, format):
    folder = tiny_bundle(model, format)
    answers = json.loads(small(PREDICT, str(folder), json.dumps(TEXTS)))
    expected = Predictor(folder).predict(TEXTS)
    assert [label for label, _ in answers] == [prediction.label for prediction in expected]
    for (_, probabilities), prediction in zip(answers, expected, strict=True):
        assert probabilities == pytest.approx(prediction.probabilities, abs=1e-6)


def test_bundle_with_weights_elsewhere_is_refused_there(small, tiny_bundle, tmp_path):
    import onnx

    folder = shutil.copytree(tiny_bundle("student", "onnx"), tmp_path / "bundle")
    onnx.save(
        onnx.load(str(folder / "model.onnx")),
        str(folder / "model.onnx"),
        save_as_external_data=True,
        location="other.data",
        size_threshold=0,
    )
    record = json.loads((folder / "bundle.json").read_text())
    record["files"]["model.onnx"] = sha256_of(folder / "model.onnx")
    (folder / "bundle.json").write_text(json.dumps(record))
    assert "needs the file 'other.data', which its bundle.json lists no digest of" in small(REFUSED, str(folder))


@pytest.mark.parametrize("format", ["onnx", "onnx-int8"])
@pytest.mark.parametrize("model", ["student", "transformer"])
def test_program_of_the_page_predicts_without_distilbench(bare, tiny_bundle, model, format):
    folder = tiny_bundle(model, format)
    texts = [text for text in TEXTS if text.isprintable()]
    rows = [line.split("\t") for line in bare(program("classify.py"), str(folder), *texts).splitlines()]
    expected = Predictor(folder).predict(texts)
    assert [(label, text) for label, _, text in rows] == [
        (prediction.label, text) for prediction, text in zip(expected, texts, strict=True)
    ]
    probabilities = [float(probability) for _, probability, _ in rows]
    assert probabilities == pytest.approx([prediction.probability for prediction in expected], abs=1e-4)
