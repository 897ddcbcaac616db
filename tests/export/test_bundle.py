"""What a bundle may say of itself: files of its own folder, each with a digest, in the format that it claims."""

import json
import shutil

import numpy as np
import pytest

from export.bundle import read_bundle
from export.formats import EXPORTERS
from export.model_file import external_names
from export.predictor import Predictor
from materials.errors import RequestError
from materials.files import sha256_of


@pytest.fixture
def copy(tiny_onnx, tmp_path):
    """A copy of an ONNX bundle to do harm to."""
    return shutil.copytree(tiny_onnx, tmp_path / "bundle")


def change(folder, *, listed=None, unlisted=(), **words):
    """Write other words, or other names of files, into bundle.json."""
    content = json.loads((folder / "bundle.json").read_text())
    files = {name: digest for name, digest in content["files"].items() if name not in unlisted}
    content = {**content, "files": {**files, **(listed or {})}, **words}
    (folder / "bundle.json").write_text(json.dumps(content))


def replace_model(folder, content):
    """Another model file, with its digest put right."""
    (folder / "model.onnx").write_bytes(content)
    change(folder, listed={"model.onnx": sha256_of(folder / "model.onnx")})


def keep_weights_elsewhere(folder, location, *, nested=False):
    """Move a weight of the model, or of a node in its graph, out of the file; its digest is put right."""
    import onnx

    model = onnx.load(str(folder / "model.onnx"))
    weight = max(model.graph.initializer, key=lambda tensor: len(tensor.raw_data))
    (folder / location).write_bytes(weight.raw_data)
    onnx.external_data_helper.set_external_data(weight, location)
    weight.ClearField("raw_data")
    if nested:
        model.graph.node.insert(0, onnx.helper.make_node("Constant", [], [weight.name], value=weight))
        model.graph.initializer.remove(weight)
    replace_model(folder, model.SerializeToString())


@pytest.mark.parametrize("name", ["../secret", "inner/secret", "inner\\secret", "/etc/hostname", "..", ""])
def test_file_elsewhere_is_refused(copy, name):
    change(copy, listed={name: "0" * 64})
    with pytest.raises(RequestError, match=r"which is no plain file in its own folder$"):
        read_bundle(copy)


def test_link_to_a_file_elsewhere_is_refused(copy, tmp_path):
    shutil.move(copy / "model.onnx", tmp_path / "model.onnx")
    (copy / "model.onnx").symlink_to(tmp_path / "model.onnx")
    with pytest.raises(RequestError, match=r"names 'model.onnx', which is no plain file in its own folder$"):
        read_bundle(copy)


@pytest.mark.parametrize("name", ["../model.onnx", "other.onnx", "", "bundle.json"])
def test_model_file_is_that_of_the_format(copy, name):
    change(copy, model_file=name)
    with pytest.raises(RequestError, match=f"claims to be onnx, but its model_file is '{name}'; expected 'model.onnx'"):
        read_bundle(copy)


@pytest.mark.parametrize(
    ("name", "modality"), [("model.onnx", "text"), ("tokenizer.json", "text"), ("preprocessor_config.json", "image")]
)
def test_file_that_a_prediction_needs_has_a_digest(copy, name, modality):
    change(copy, unlisted=[name], modality=modality)
    with pytest.raises(RequestError, match=f"needs the file '{name}', which its bundle.json lists no digest of"):
        read_bundle(copy)


@pytest.mark.parametrize("words", [{"files": ["model.onnx"]}, {"model_file": 3}, {"format": ["onnx"]}])
def test_name_that_is_no_text_is_damage(copy, words):
    change(copy, **words)
    with pytest.raises(RequestError, match=rf"bundle.json is damaged \({next(iter(words))} is "):
        read_bundle(copy)


@pytest.mark.parametrize("nested", [False, True])
def test_external_weights_need_a_digest(copy, nested):
    keep_weights_elsewhere(copy, "weights.data", nested=nested)
    with pytest.raises(RequestError, match="needs the file 'weights.data', which its bundle.json lists no digest of"):
        read_bundle(copy)


@pytest.mark.parametrize("location", ["../weights.data", "./weights.data"])
def test_external_weights_elsewhere_are_refused(copy, location):
    keep_weights_elsewhere(copy, location)
    for read in (read_bundle, Predictor):
        with pytest.raises(RequestError, match=f"needs the file '{location}', which its bundle.json lists no digest"):
            read(copy)


def test_external_weights_with_a_digest_predict_the_same(copy, tiny_onnx):
    keep_weights_elsewhere(copy, "weights.data")
    change(copy, listed={"weights.data": sha256_of(copy / "weights.data")})
    texts = ["a lovely film", "an awful film"]
    assert external_names(copy / "model.onnx") == ["weights.data"]
    assert np.allclose(Predictor(copy).logits(texts), Predictor(tiny_onnx).logits(texts))


def test_external_weights_are_found_up_to_any_damage(copy):
    keep_weights_elsewhere(copy, "weights.data")
    whole = (copy / "model.onnx").read_bytes()
    for size in range(0, len(whole), 101):
        (copy / "model.onnx").write_bytes(whole[:size])
        assert set(external_names(copy / "model.onnx")) <= {"weights.data"}
    (copy / "model.onnx").write_bytes(b"\x80" * 1000)
    assert external_names(copy / "model.onnx") == []


@pytest.mark.parametrize("format", [name for name, exporter in EXPORTERS.items() if exporter.runtime != "onnxruntime"])
def test_machine_code_cannot_pose_as_onnx(copy, format):
    change(copy, runtime=EXPORTERS[format].runtime, precision=EXPORTERS[format].precision)
    with pytest.raises(RequestError, match="claims to be onnx, but its runtime is '.*'; expected 'onnxruntime'"):
        read_bundle(copy)


def test_precision_is_that_of_the_format(copy):
    change(copy, precision="int8")
    with pytest.raises(RequestError, match="claims to be onnx, but its precision is 'int8'; expected 'fp32'"):
        read_bundle(copy)


@pytest.mark.parametrize("format", ["library", "transformers", "onnxx"])
def test_unknown_format_is_not_run(copy, format):
    change(copy, format=format, runtime="aotinductor")
    with pytest.raises(RequestError, match=f"is in an unknown format '{format}', so aotinductor does not run it"):
        read_bundle(copy)


def test_bundle_of_a_peer_needs_no_model_file(copy):
    change(copy, format="library", runtime="fasttext", model_file="", unlisted=["tokenizer.json"])
    assert read_bundle(copy).runtime == "fasttext"


@pytest.mark.parametrize("share", [0, 0.5, 0.99])
def test_truncated_model_file_is_one_sentence(copy, share):
    whole = (copy / "model.onnx").read_bytes()
    replace_model(copy, whole[: int(len(whole) * share)])
    with pytest.raises(RequestError, match=r"model\.onnx cannot be loaded by onnxruntime: ") as caught:
        Predictor(copy)
    assert "\n" not in str(caught.value)


def test_verify_fails_a_truncated_model_file_in_one_sentence(copy):
    from sample_command import distilbench

    replace_model(copy, (copy / "model.onnx").read_bytes()[:500])
    answer = distilbench("verify", copy)
    assert answer.code == 1
    assert "Traceback" not in answer.output + answer.notices
