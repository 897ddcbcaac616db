"""A bundle.json that no exporter writes, a tokenizer or a graph that does not work, is one sentence of each command."""

import json
import resource
import shutil

import numpy as np
import pytest
from sample_command import distilbench

from bench.harness.isolation import MeasurementFailed, measure_in_fresh_process
from bench.harness.workload import Workload
from encoders.text_encoder import refusing_damage
from export.bundle import read_bundle
from export.memory import limited_memory
from export.predictor import Predictor
from materials.errors import RequestError
from materials.files import sha256_of

TEXT = "a lovely film"


@pytest.fixture
def copy(tiny_onnx, tmp_path):
    """A copy of an ONNX bundle to do harm to."""
    return shutil.copytree(tiny_onnx, tmp_path / "bundle")


def change(folder, **words):
    """Write other words into bundle.json."""
    content = json.loads((folder / "bundle.json").read_text())
    (folder / "bundle.json").write_text(json.dumps({**content, **words}))


def replace_file(folder, name, content):
    """Another file, with its digest put right."""
    (folder / name).write_bytes(content)
    change(folder, files={**read_files(folder), name: sha256_of(folder / name)})


def read_files(folder):
    return json.loads((folder / "bundle.json").read_text())["files"]


def refusal(*arguments):
    with pytest.raises(RequestError) as caught:
        distilbench(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "words",
    [
        *({"label_names": names} for names in ("ab", [], ["a", "a"], [1, 2], {"a": 1}, ["\ud800", "a"])),
        *({"max_length_tokens": length} for length in (0, -1, 2**40, 1.5, "24", True)),
        *({"padding": padding} for padding in (-1, 2**40, "0")),
        *({"modality": modality} for modality in ("sound", None, [])),
        *(
            {"inputs": inputs}
            for inputs in ("ab", [[]], [{"name": 1}], [{"name": "a", "dimensions": ["batch", 2**40]}])
        ),
        *({"inputs": [{"name": "input_ids", "dtype": dtype, "dimensions": []}]} for dtype in ("object", "S9999999999")),
        *({"parity": parity} for parity in ({}, [], {"status": 1, "reason": None}, {"status": "passed"})),
        *({"parity": {"status": "passed", "reason": None, name: 1}} for name in ("made_up", "bounds")),
        *({"files": files} for files in ({"a\0": "0"}, {"a" * 300: "0"}, {1: 2}, {"\ud800": "0"})),
        *({"sure_from": sure_from} for sure_from in ("0.5", [0.5], True)),
        *({"task": "multi-label", "task_settings": {"thresholds": value}} for value in ([0.5] * 3, "a", [2], {})),
        *({"parameters": 10**400}, {"licences": {"a": 1}}, {"made": {"seed": 2**70}}, {"unknown": 1}),
    ],
)
def test_value_that_no_exporter_writes_is_one_sentence(copy, words):
    change(copy, **words)
    with pytest.raises(RequestError) as caught:
        read_bundle(copy)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", ["[" * 100_000, "[]", "1", '"a"', "", '{"schema_version": 2, "inputs": 1}'])
def test_record_that_is_none_is_one_sentence(copy, content):
    (copy / "bundle.json").write_text(content)
    assert "is damaged" in refusal("predict", copy, TEXT)


def test_number_of_labels_is_that_of_the_outputs(copy):
    change(copy, label_names=["bad", "good", "fine"])
    assert "gives 2 outputs, and its bundle names 3 labels" in refusal("predict", copy, TEXT)


def test_tokens_that_the_graph_does_not_have_are_one_sentence(copy):
    tokenizer = json.loads((copy / "tokenizer.json").read_text())
    vocabulary = tokenizer["model"]["vocab"]
    tokenizer["model"]["vocab"] = {word: number + 100_000 for word, number in vocabulary.items()}
    replace_file(copy, "tokenizer.json", json.dumps(tokenizer).encode())
    assert "cannot be run by onnxruntime: " in refusal("predict", copy, TEXT)


@pytest.mark.parametrize("content", [b"", b"{}", b"[" * 100_000, b'{"model": {"type": "WordLevel"}}', b"\xff"])
def test_tokenizer_that_is_none_is_one_sentence(copy, content):
    replace_file(copy, "tokenizer.json", content)
    assert "tokenizer.json cannot be used as a tokenizer: " in refusal("predict", copy, TEXT)


def test_panic_of_the_tokenizer_is_one_sentence(tmp_path):
    """A panic of Rust is no Exception; nor is Ctrl-C, which must pass."""

    class PanicException(BaseException):
        pass

    with pytest.raises(RequestError, match="cannot be used as a tokenizer: it is the end"), refusing_damage(tmp_path):
        raise PanicException("it is the end")
    with pytest.raises(KeyboardInterrupt), refusing_damage(tmp_path):
        raise KeyboardInterrupt


@pytest.mark.parametrize("content", [b"", b"PK\x05\x06" + bytes(18), b"\x93NUMPY"])
def test_damaged_logits_beside_a_bundle_are_one_sentence(copy, content):
    replace_file(copy, "reference.npz", content)
    assert "reference.npz is damaged" in refusal("verify", copy)


def test_logits_of_another_shape_are_one_sentence(copy):
    np.savez_compressed(copy / "reference.npz", logits=np.zeros(3, dtype=np.float64))
    replace_file(copy, "reference.npz", (copy / "reference.npz").read_bytes())
    assert "holds float64 (3,); expected float32 (rows, outputs)" in refusal("verify", copy)


def test_logits_that_announce_gigabytes_are_not_unpacked(copy, monkeypatch):
    monkeypatch.setattr("export.gate.verifying.MOST_BYTES", 1000)
    np.savez_compressed(copy / "reference.npz", logits=np.zeros((1000, 2), dtype=np.float32))
    replace_file(copy, "reference.npz", (copy / "reference.npz").read_bytes())
    assert "expected at most 1,000" in refusal("verify", copy)


@pytest.fixture
def hungry(copy):
    """A bundle that pads its answer to 16 GB."""
    import onnx

    model = onnx.load(str(copy / "model.onnx"))
    output = model.graph.output[0].name
    [last] = [node for node in model.graph.node if output in node.output]
    last.output[list(last.output).index(output)] = "before"
    pads = onnx.numpy_helper.from_array(np.array([0, 0, 0, 4 * 10**9]), "pads")
    model.graph.initializer.append(pads)
    model.graph.node.append(onnx.helper.make_node("Pad", ["before", "pads"], [output]))
    del model.graph.output[0].type.tensor_type.shape.dim[:]
    model.graph.output[0].type.tensor_type.shape.dim.add().dim_param = "batch"
    model.graph.output[0].type.tensor_type.shape.dim.add().dim_param = "labels"
    replace_file(copy, "model.onnx", model.SerializeToString())
    return copy


def test_graph_that_takes_all_memory_is_one_sentence(hungry, tmp_path):
    """The limit of the command is met, and the machine's is not."""
    before = resource.getrlimit(resource.RLIMIT_DATA)
    assert "cannot be run by onnxruntime: " in refusal("predict", hungry, TEXT)
    assert distilbench("verify", hungry).code == 1
    (tmp_path / "rows.txt").write_text(TEXT)
    scored = refusal("score", hungry, "--data", tmp_path / "rows.txt", "--output", tmp_path / "scored.parquet")
    assert "cannot be run by onnxruntime: " in scored
    assert resource.getrlimit(resource.RLIMIT_DATA) == before


def test_graph_that_takes_all_memory_is_not_measured(hungry, tmp_path):
    with pytest.raises(MeasurementFailed, match="allocate|memory"):
        measure_in_fresh_process(Workload(model=str(hungry), threads=1), [TEXT], tmp_path)


def test_limit_holds_for_arrays_too_and_ends_with_the_block(copy):
    with pytest.raises(RequestError, match="needs more memory than a model of its size should"), limited_memory(copy):
        np.ones(4 * 10**9, dtype=np.uint8)
    with limited_memory(copy):
        assert Predictor(copy).predict([TEXT])
