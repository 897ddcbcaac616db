"""What somebody else exported opens as a bundle that computes what the original does, or is refused in a sentence."""

import json
import shutil
import sys
from dataclasses import replace

import numpy as np
import pytest
from sample_models import exported_once, opened_once, split_weights
from sample_texts import labelled, sentences

from export.bundle import read_bundle
from export.checkpoint import load_checkpoint
from export.foreign import open_model
from export.runtimes import RUNTIMES
from export.runtimes.runtime import logits_of
from materials.errors import RequestError
from materials.positions import POSITIONS

TEXTS = [*sentences(20)[0], "", "film " * 400]
LABELS = ("bad", "good")
INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def logits(bundle):
    encoder = bundle.encoder()
    return logits_of(RUNTIMES[bundle.runtime](bundle, 1), encoder, encoder.encode(TEXTS))


@pytest.fixture(scope="session")
def original(tiny_classifier):
    """The logits of the tiny classifier as transformers itself computes them, one text at a time."""
    import torch
    from tokenizers import Tokenizer
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(tiny_classifier).eval()
    tokenizer = Tokenizer.from_file(str(tiny_classifier / "tokenizer.json"))
    tokenizer.enable_truncation(160)
    with torch.inference_mode():
        rows = [model(torch.tensor([tokenizer.encode(text).ids])).logits for text in TEXTS]
    return torch.cat(rows).numpy()


@pytest.fixture(scope="session")
def exported(tiny_classifier, tmp_path_factory):
    """The tiny classifier as torch.onnx writes it: three inputs of type int32, weights in a file of their own."""
    import torch
    from transformers import AutoModelForSequenceClassification

    from export.quiet import quiet

    class Three(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = AutoModelForSequenceClassification.from_pretrained(tiny_classifier)

        def forward(self, *arrays):
            return self.model(**dict(zip(INPUTS, arrays, strict=True))).logits

    folder = tmp_path_factory.mktemp("exported")
    example = torch.ones(2, 6, dtype=torch.int32)
    axes = ({0: "batch", 1: "length"},) * 3
    with quiet(), torch.inference_mode():
        program = torch.onnx.export(
            Three().eval(),
            (example, example.clone(), example * 0),
            dynamo=True,
            dynamic_shapes=(axes,),
            input_names=list(INPUTS),
            verbose=False,
        )
    program.save(str(folder / "model.onnx"), external_data=True)
    for name in ("tokenizer.json", "config.json"):
        shutil.copyfile(tiny_classifier / name, folder / name)
    return folder


@pytest.fixture
def copy(exported, tmp_path):
    """A copy of the exported folder to do harm to."""
    return shutil.copytree(exported, tmp_path / "copy")


def make_onnx(file, *, inputs=("input_ids",), element=7, classes=2):
    """A graph that sums a weight for each token, in one file."""
    from onnx import TensorProto, helper, numpy_helper, save

    weights = np.random.default_rng(0).normal(size=(300, classes)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["weights", inputs[0]], ["gathered"]),
            helper.make_node("ReduceSum", ["gathered", "axis"], ["logits"], keepdims=0),
        ],
        "sum",
        [helper.make_tensor_value_info(name, element, ["batch", "length"]) for name in inputs],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", classes])],
        [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(np.array([1]), "axis")],
    )
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), file)
    return weights


@pytest.fixture
def small(tmp_path, tiny_classifier):
    """A folder with a small ONNX file and a tokenizer, and no word about labels."""
    make_onnx(tmp_path / "model.onnx")
    shutil.copyfile(tiny_classifier / "tokenizer.json", tmp_path / "tokenizer.json")
    return tmp_path


def test_hugging_face_folder_computes_what_transformers_computes(tiny_classifier, original):
    bundle = open_model(tiny_classifier)
    assert (bundle.runtime, bundle.format, bundle.architecture) == ("torch", "transformers", "bert")
    assert (bundle.label_names, bundle.max_length_tokens) == (("good", "bad"), 160)
    assert np.allclose(logits(bundle), original, atol=1e-5)


def test_model_in_several_files_is_one_model_with_the_digest_of_each(tiny_classifier, original, tmp_path):
    copy = split_weights(shutil.copytree(tiny_classifier, tmp_path / "copy"))
    names = {file.name for file in copy.glob("model*.safetensors*")}
    bundle = open_model(copy)
    assert set(bundle.files) == {"tokenizer.json", *names}
    assert len(names) > 2
    assert (bundle.parameters, bundle.format) == (open_model(tiny_classifier).parameters, "transformers")
    assert np.allclose(logits(bundle), original, atol=1e-5)


def test_eager_bundle_of_a_model_in_several_files_has_one_file(tiny_classifier, original, tmp_path):
    from safetensors.numpy import load_file

    copy = split_weights(shutil.copytree(tiny_classifier, tmp_path / "copy"))
    with opened_once({"split": copy}, ()) as origin_of:
        bundle = read_bundle(exported_once(origin_of, tmp_path / "bundles", rows=labelled(60))("split", "eager"))
    assert {name for name in bundle.files if "safetensors" in name} == {"model.safetensors"}
    assert load_file(bundle.model_path).keys() == load_file(tiny_classifier / "model.safetensors").keys()
    assert np.allclose(logits(bundle), original, atol=1e-5)


def test_checkpoint_of_somebody_else_cuts_texts_where_its_files_say(tiny_classifier):
    encoder = load_checkpoint(tiny_classifier).encoder
    assert (encoder.modality, encoder.max_length_tokens) == ("text", 160)


def test_parameters_are_counted_without_loading_the_model(tiny_classifier, exported):
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(tiny_classifier)
    count = sum(parameter.numel() for parameter in model.parameters())
    assert open_model(tiny_classifier).parameters == count
    assert open_model(exported).parameters == pytest.approx(count, rel=0.05)


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_onnx_with_token_types_and_int32_inputs_computes_what_the_original_computes(exported, original, runtime):
    if runtime == "openvino":
        pytest.importorskip("openvino")
    bundle = open_model(exported)
    assert {(graph_input.name, graph_input.dtype) for graph_input in bundle.inputs} == {
        (name, "int32") for name in INPUTS
    }
    assert np.allclose(logits(replace(bundle, runtime=runtime)), original, atol=1e-4)


def test_openvino_file_computes_what_the_original_computes(exported, original, tmp_path):
    openvino = pytest.importorskip("openvino")
    openvino.save_model(
        openvino.convert_model(str(exported / "model.onnx")), str(tmp_path / "model.xml"), compress_to_fp16=False
    )
    for name in ("tokenizer.json", "config.json"):
        shutil.copyfile(exported / name, tmp_path / name)
    bundle = open_model(tmp_path / "model.xml")
    assert set(bundle.files) == {"tokenizer.json", "model.xml", "model.bin"}
    assert np.allclose(logits(bundle), original, atol=1e-4)


def test_file_without_a_configuration_opens_with_labels_and_length_by_hand(original, copy):
    (copy / "config.json").unlink()
    bundle = open_model(copy / "model.onnx", label_names=("good", "bad"), max_length_tokens=160)
    assert bundle.label_names == ("good", "bad")
    assert np.allclose(logits(bundle), original, atol=1e-4)


def test_model_in_a_folder_of_its_own_below_the_tokenizer_opens(exported, original, tmp_path):
    shutil.copyfile(exported / "tokenizer.json", tmp_path / "tokenizer.json")
    (tmp_path / "onnx").mkdir()
    for name in ("model.onnx", "model.onnx.data", "config.json"):
        shutil.copyfile(exported / name, tmp_path / "onnx" / name)
    bundle = open_model(tmp_path)
    assert set(bundle.files) == {"tokenizer.json", "onnx/model.onnx", "onnx/model.onnx.data"}
    assert bundle.label_names == ("good", "bad")
    assert np.allclose(logits(bundle), original, atol=1e-4)


def test_weights_in_a_file_of_their_own_count_and_files_of_others_do_not(copy):
    (copy / "pytorch_model.bin").write_bytes(b"x" * 1000)
    (copy / "other.onnx.data").write_bytes(b"x" * 1000)
    names = ("model.onnx", "model.onnx.data", "tokenizer.json")
    assert open_model(copy).size_bytes == sum((copy / name).stat().st_size for name in names)


def test_small_int64_graph_computes_the_sum_by_hand(small):
    weights = make_onnx(small / "model.onnx")
    bundle = open_model(small, label_names=LABELS)
    rows = bundle.encoder().encode(TEXTS[:3])
    bundle_logits = logits_of(RUNTIMES["onnxruntime"](bundle, 1), bundle.encoder(), rows, batch_size=1)
    assert np.allclose(bundle_logits, [weights[row].sum(axis=0) for row in rows], atol=1e-4)


def test_labels_come_from_the_configuration_or_by_hand_and_are_asked_for_otherwise(small):
    with pytest.raises(RequestError, match="does not name its labels; give them .* with --labels"):
        open_model(small)
    assert open_model(small, label_names=LABELS).label_names == LABELS
    config = {"architectures": ["BertForSequenceClassification"], "id2label": {"1": "good", "0": "bad"}}
    (small / "config.json").write_text(json.dumps(config))
    assert open_model(small).label_names == LABELS


def test_labels_by_hand_rename_those_of_the_model_but_never_reorder_them(tiny_classifier):
    assert open_model(tiny_classifier, label_names=("fine", "poor")).label_names == ("fine", "poor")
    assert open_model(tiny_classifier, label_names=("bad", "good")).label_names == ("good", "bad")


def test_texts_are_cut_to_the_least_of_what_the_files_say(small):
    assert open_model(small, label_names=LABELS).max_length_tokens == 512
    (small / "config.json").write_text('{"max_position_embeddings": 160}')
    assert open_model(small, label_names=LABELS).max_length_tokens == 160
    (small / "tokenizer_config.json").write_text('{"model_max_length": 64}')
    assert open_model(small, label_names=LABELS).max_length_tokens == 64
    assert open_model(small, label_names=LABELS, max_length_tokens=12).max_length_tokens == 12


@pytest.mark.parametrize("name", ["n_positions", "max_seq_len"])
def test_positions_count_by_whatever_name_the_configuration_gives_them(small, name):
    (small / "config.json").write_text(json.dumps({name: 96}))
    assert open_model(small, label_names=LABELS).max_length_tokens == 96


def test_every_name_that_transformers_gives_to_positions_is_known():
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING, CONFIG_MAPPING_NAMES

    maps = [getattr(CONFIG_MAPPING[model_type], "attribute_map", {}) for model_type in CONFIG_MAPPING_NAMES]
    assert {names["max_position_embeddings"] for names in maps if "max_position_embeddings" in names} < set(POSITIONS)


def remove(name):
    return lambda folder: (folder / name).unlink()


def write(name, content):
    return lambda folder: (folder / name).write_bytes(content)


HARMS = {
    "no model": (remove("model.onnx"), "holds no model; expected a bundle's folder, an .onnx or .xml file"),
    "several models": (
        write("again.onnx", b"x"),
        r"holds several model files \(again.onnx, model.onnx\); name one of them",
    ),
    "no tokenizer": (remove("tokenizer.json"), "has no tokenizer.json beside it"),
    "damaged": (write("model.onnx", b"damaged"), "model.onnx cannot be read as ONNX: "),
    "empty": (write("model.onnx", b""), "takes no input_ids; its inputs are none"),
    "weights missing": (remove("model.onnx.data"), "keeps weights in a file 'model.onnx.data', which is not beside it"),
    "damaged configuration": (write("config.json", b"{"), "config.json is damaged"),
    "pictures": (
        lambda folder: make_onnx(folder / "model.onnx", inputs=("pixel_values",), element=1),
        "takes an input 'pixel_values' of type ONNX 1; expected int32 or int64 inputs named input_ids",
    ),
    "unknown input": (
        lambda folder: make_onnx(folder / "model.onnx", inputs=("input_ids", "token_weights")),
        "takes an input 'token_weights' of type int64",
    ),
    "floats": (
        lambda folder: make_onnx(folder / "model.onnx", element=1),
        "takes an input 'input_ids' of type ONNX 1",
    ),
}


@pytest.mark.parametrize("harm", HARMS)
def test_what_cannot_be_given_a_text_is_refused_in_one_sentence(copy, harm):
    change, sentence = HARMS[harm]
    change(copy)
    with pytest.raises(RequestError, match=sentence) as refused:
        open_model(copy)
    assert "\n" not in str(refused.value)


def test_place_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(RequestError, match="nowhere holds no model"):
        open_model(tmp_path / "nowhere")


@pytest.mark.parametrize("label_names", [None, LABELS])
def test_body_without_a_head_is_refused_with_and_without_labels(tiny_bert, label_names):
    with pytest.raises(RequestError, match=r"holds no model that classifies; its config.json names \['BertModel'\]"):
        open_model(tiny_bert, label_names=label_names)


def test_damaged_weights_of_a_hugging_face_folder_are_refused(tiny_classifier, tmp_path):
    copy = shutil.copytree(tiny_classifier, tmp_path / "copy")
    (copy / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(RequestError, match="model.safetensors is damaged"):
        open_model(copy)


def test_damaged_openvino_file_is_refused(small):
    pytest.importorskip("openvino")
    (small / "model.xml").write_text("damaged")
    with pytest.raises(RequestError, match="model.xml cannot be read by OpenVINO"):
        open_model(small / "model.xml", label_names=LABELS)


def test_openvino_file_without_the_package_names_the_extra(small, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    (small / "model.xml").write_text("<net/>")
    with pytest.raises(RequestError, match="needs the package openvino; install distilbench with its extra 'openvino'"):
        open_model(small / "model.xml", label_names=LABELS)
