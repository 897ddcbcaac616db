"""Every architecture in every format: parity on trained weights, and bundles that predict by themselves."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest
from sample_models import exported_once, opened_once, save_tiny_student, save_tiny_transformer, train_tiny
from sample_places import places_named_in
from sample_texts import labelled, sentences

from export.bundle import read_bundle
from export.exporting import ExportRequest, gate
from export.formats import EXPORTERS
from export.gate.parity import ParityBounds
from export.graphs.prepared import most_sensitive_layers
from export.origin import Unfit
from export.predictor import Predictor
from export.runtimes import RUNTIMES
from materials.errors import RequestError
from students import STUDENTS
from teachers import TEACHERS

TRAINED_TEACHERS = [name for name, kind in TEACHERS.items() if "text" in kind.modalities and kind.is_trained]
STUDENTS_OF_TEXTS = [name for name, kind in STUDENTS.items() if "text" in kind.modalities and not kind.is_pretrained]
ARCHITECTURES = (*TRAINED_TEACHERS, *STUDENTS_OF_TEXTS)
# A compiler's minute each: of architectures as shared libraries, one is made in every run of the tests.
SLOW = {("aotinductor", architecture) for architecture in ARCHITECTURES if architecture != "linear"}
PAIRS = [
    pytest.param(architecture, format, marks=[pytest.mark.sweep] if (format, architecture) in SLOW else [])
    for format, exporter in EXPORTERS.items()
    for architecture in ARCHITECTURES
    if architecture not in exporter.impossible
]


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory, tiny_bert):
    """A trained checkpoint of every architecture, by name."""
    root = tmp_path_factory.mktemp("checkpoints")
    for architecture in STUDENTS_OF_TEXTS:
        train_tiny(save_tiny_student(root / architecture, architecture, dimensions=16), learning_rate=0.02)
    train_tiny(save_tiny_transformer(root / "transformer", tiny_bert), learning_rate=3e-3)
    return {folder.name: folder for folder in root.iterdir()}


@pytest.fixture(scope="session")
def origin_of(checkpoints):
    """A function that gives an architecture ready to be exported."""
    with opened_once(checkpoints, sentences(100, 6000)[0]) as get:
        yield get


@pytest.fixture(scope="session")
def bundles(tmp_path_factory, origin_of):
    """A function that gives the bundle of an architecture in a format, exported once."""
    about = {"made": {"recipe": "tiny"}, "licences": {"data": "none"}}
    get = exported_once(origin_of, tmp_path_factory.mktemp("bundles"), rows=labelled(200, 3000), **about)
    return lambda architecture, format: read_bundle(get(architecture, format))


@pytest.mark.parametrize(("architecture", "format"), PAIRS)
def test_every_architecture_passes_parity_in_every_format(bundles, architecture, format):
    parity = bundles(architecture, format).parity
    assert parity["status"] == ("reference" if format == "eager" else "passed"), parity["reason"]
    if not EXPORTERS[format].lossy:
        assert parity["largest_difference"] <= 1e-4


@pytest.mark.parametrize(("architecture", "format"), PAIRS)
def test_every_bundle_predicts_from_text_by_itself(bundles, architecture, format):
    predictor = Predictor(bundles(architecture, format).folder)
    texts = ["a lovely film", "the film is awful", "", "film " * 20_000, "雨 🌧", "a superb story of two friends"]
    predictions = predictor.predict(texts)
    assert [prediction.label for prediction in predictions][:2] == ["good", "bad"]
    assert all(sum(prediction.probabilities.values()) == pytest.approx(1) for prediction in predictions)
    alone = [predictor.predict([text])[0].probability for text in texts]
    tolerance = 0.15 if format == "onnx-int8" else 0.03  # whose activations share one scale for the whole batch
    assert alone == pytest.approx([prediction.probability for prediction in predictions], abs=tolerance)


@pytest.mark.parametrize(("architecture", "format"), PAIRS)
def test_no_file_of_a_bundle_names_a_folder_of_the_exporting_machine(bundles, architecture, format):
    assert places_named_in(bundles(architecture, format).folder) == []


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_onnx_is_one_sound_file_with_named_dynamic_inputs(bundles, architecture):
    import onnx

    bundle = bundles(architecture, "onnx")
    model = onnx.load(bundle.model_path)
    onnx.checker.check_model(model, full_check=True)
    companions = {"config.json", "tokenizer_config.json"} if architecture in TEACHERS else set()
    expected = {"bundle.json", "model.onnx", "reference.npz", "tokenizer.json", *companions}
    assert {path.name for path in bundle.folder.iterdir()} == expected
    assert [graph_input.name for graph_input in model.graph.input] == [
        graph_input.name for graph_input in bundle.inputs
    ]
    for graph_input in model.graph.input:
        assert [axis.dim_param for axis in graph_input.type.tensor_type.shape.dim] == ["batch", "length"]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_int8_is_smaller_than_fp32(bundles, architecture):
    fp32, int8 = (bundles(architecture, format).model_path.stat().st_size for format in ("onnx", "onnx-int8"))
    if fp32 < 2_000:
        pytest.skip("a file of so few numbers is mostly graph")
    assert int8 < fp32


@pytest.mark.parametrize("format", ["onnx-int8", "onnx-int8-static", "openvino-int8"])
def test_bilstm_passes_in_the_first_setting_of_every_int8_format(bundles, format):
    assert bundles("bilstm", format).parity["failed_settings"] == {}


def test_onnx_bundle_predicts_without_torch(bundles):
    program = (
        "import sys; from pathlib import Path; from export.predictor import Predictor\n"
        "print(Predictor(Path(sys.argv[1])).predict(['a lovely film'])[0].label)\n"
        "assert 'torch' not in sys.modules and 'transformers' not in sys.modules"
    )
    command = [sys.executable, "-c", program, str(bundles("cnn", "onnx").folder)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "good"


def test_torchscript_file_opens_with_torch_alone(bundles):
    import torch

    with pytest.warns(DeprecationWarning, match="torch.jit.load"):
        module = torch.jit.load(str(bundles("bilstm", "torchscript").model_path))
    assert module(torch.ones(3, 5, dtype=torch.int64)).shape == (3, 2)


@pytest.fixture
def damaged(bundles, tmp_path):
    """A copy of a bundle to do harm to."""
    return shutil.copytree(bundles("linear", "onnx").folder, tmp_path / "bundle")


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (lambda folder: (folder / "model.onnx").write_bytes(b"other"), "is not the file that was exported"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "lacks its file 'tokenizer.json'"),
        (lambda folder: (folder / "bundle.json").unlink(), "is no bundle"),
        (lambda folder: (folder / "bundle.json").write_text("{"), "bundle.json is damaged"),
        (lambda folder: (folder / "bundle.json").write_text('{"schema_version": 2}'), "bundle.json is damaged"),
        (
            lambda folder: (folder / "bundle.json").write_text('{"schema_version": 1}'),
            "is a bundle of version 1; .* 3",
        ),
        (lambda folder: (folder / "bundle.json").write_text('{"schema_version": 99}'), "is a bundle of version 99"),
    ],
)
def test_damaged_bundle_is_refused(damaged, harm, sentence):
    harm(damaged)
    with pytest.raises(RequestError, match=sentence):
        read_bundle(damaged)


def test_bundle_cannot_name_files_outside_its_folder(damaged):
    content = json.loads((damaged / "bundle.json").read_text())
    content["files"]["../secret"] = "0" * 64
    (damaged.parent / "secret").write_text("x")
    (damaged / "bundle.json").write_text(json.dumps(content))
    with pytest.raises(RequestError, match="names '../secret', which is no plain file in its own folder"):
        read_bundle(damaged)


TRIED = ("transformer", "bilstm")
INT8_SETTINGS = [(name, setting) for name in ("onnx-int8", "onnx-int8-static") for setting in EXPORTERS[name].settings]


@pytest.mark.parametrize("architecture", TRIED)
@pytest.mark.parametrize(("format", "setting"), INT8_SETTINGS)
def test_every_setting_writes_a_file_that_computes_the_model_or_says_why_not(
    bundles, origin_of, tmp_path, architecture, format, setting
):
    write, origin = EXPORTERS[format].settings[setting], origin_of(architecture)
    origin.classifier.encoder.save(tmp_path)
    spared = [int(word) for word in setting.split() if word.isdigit() and "sensitive" in setting]
    if spared and spared[0] > len(most_sensitive_layers(origin)):
        with pytest.raises(Unfit, match="can be spared"):
            write(origin, tmp_path)
        return
    if "LSTM" in setting and architecture != "bilstm":
        with pytest.raises(Unfit, match="has no LSTM"):
            write(origin, tmp_path)
        return
    write(origin, tmp_path)
    bounds = ParityBounds(smallest_agreement=0.9, largest_f1_drop=0.1)
    bundle = replace(bundles(architecture, format), folder=tmp_path)
    parity = gate(ExportRequest(origin=origin, rows=labelled(200, 3000), bounds=bounds), bundle)
    assert parity.status == "passed", parity.reason


def test_bundle_whose_tokenizer_reads_otherwise_fails_its_gate(bundles, origin_of, tmp_path):
    bundle = bundles("cnn", "onnx")
    folder = shutil.copytree(bundle.folder, tmp_path / "bundle")
    text = (folder / "tokenizer.json").read_text(encoding="utf-8")
    (folder / "tokenizer.json").write_text(text.replace('"film"', '"flim"'), encoding="utf-8")
    parity = gate(ExportRequest(origin=origin_of("cnn"), rows=labelled(200, 300)), replace(bundle, folder=folder))
    assert parity.status == "failed"
    assert parity.reason == "its tokenizer reads the rows otherwise than the trained model's"


def test_every_runtime_has_a_format_and_every_format_a_runtime():
    assert {exporter.runtime for exporter in EXPORTERS.values()} <= set(RUNTIMES)
