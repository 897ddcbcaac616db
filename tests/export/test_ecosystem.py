"""Bundles open in the tools that people have: transformers, torch, onnx and ONNX Runtime."""

import json
import shutil
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_docs import program
from sample_texts import sentences

from export.bundle import read_bundle
from export.checkpoint import load_checkpoint
from export.companions import write_companions
from export.formats import EXPORTERS
from export.graphs.onnx_metadata import describe_onnx
from export.predictor import Predictor
from materials.errors import RequestError

ONNX_FORMATS = [name for name, exporter in EXPORTERS.items() if exporter.model_file == "model.onnx"]
FORMATS = ["eager", "eager-bf16", "torchscript", *ONNX_FORMATS]
MODELS = ("student", "transformer")
TEXTS = [*sentences(9)[0], "", "film " * 200, "雨 🌧 [MASK] [sep] [SEP]"]
PIECES = st.sampled_from(["film", " ", "[MASK]", "[UNK]", "[PAD]", "[CLS]x", "un", "é", "雨", "\n", "\u2028", "lovely"])
ANY_TEXT = st.lists(PIECES | st.text(max_size=5), max_size=40).map("".join)


@pytest.fixture(scope="session")
def transformer(tiny_bundle):
    """The eager bundle of a transformer."""
    return tiny_bundle("transformer", "eager")


@pytest.fixture(scope="session")
def auto_tokenizer(tiny_bundle):
    """What AutoTokenizer makes of an ONNX bundle."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_bundle("transformer", "onnx"))


@settings(max_examples=200, deadline=None)
@given(texts=st.lists(ANY_TEXT, min_size=1, max_size=4))
def test_auto_tokenizer_gives_the_arrays_of_the_bundles_own_encoder(auto_tokenizer, tiny_bundle, texts):
    encoder = read_bundle(tiny_bundle("transformer", "onnx")).encoder()
    expected = encoder.pad(encoder.encode(texts))
    arrays = auto_tokenizer(texts, truncation=True, padding=True, return_tensors="np")
    assert set(arrays) == set(expected)
    for name, array in expected.items():
        assert np.array_equal(arrays[name], array)


@pytest.mark.parametrize("format", ["eager", "eager-bf16"])
def test_pipeline_of_transformers_gives_the_labels_and_probabilities(tiny_bundle, format):
    from transformers import pipeline

    folder = tiny_bundle("transformer", format)
    classify = pipeline("text-classification", model=str(folder), truncation=True, top_k=None)
    for answer, prediction in zip(classify(TEXTS), Predictor(folder).predict(TEXTS), strict=True):
        probabilities = {entry["label"]: entry["score"] for entry in answer}
        assert probabilities == pytest.approx(prediction.probabilities, abs=1e-4 if format == "eager" else 0.01)


def test_program_of_the_page_for_transformers_runs(transformer, monkeypatch, capsys):
    texts = [text for text in TEXTS if text.isprintable()]
    monkeypatch.setattr(sys, "argv", ["with_transformers.py", str(transformer), *texts])
    exec(compile(program("with_transformers.py"), "with_transformers.py", "exec"), {})
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    expected = Predictor(transformer).predict(texts)
    assert [line[0] for line in lines] == [prediction.label for prediction in expected]
    assert [float(line[1]) for line in lines] == pytest.approx(
        [prediction.probability for prediction in expected], abs=1e-4
    )


@pytest.mark.parametrize("format", FORMATS)
def test_every_transformer_bundle_names_its_labels_and_architecture(tiny_bundle, format):
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(tiny_bundle("transformer", format))
    assert (config.id2label, config.label2id) == ({0: "bad", 1: "good"}, {"bad": 0, "good": 1})
    assert (config.model_type, config.architectures) == ("bert", ["BertForSequenceClassification"])


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("format", FORMATS)
def test_companions_are_files_of_the_bundle_and_students_have_none(tiny_bundle, model, format):
    names = {"config.json", "tokenizer_config.json"} & set(read_bundle(tiny_bundle(model, format)).files)
    assert len(names) == (2 if model == "transformer" else 0)


def test_roles_are_those_of_the_special_tokens_in_tokenizer_json(transformer):
    assert json.loads((transformer / "tokenizer_config.json").read_text()) == {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": 24,
        "model_input_names": ["input_ids", "attention_mask"],
        "padding_side": "right",
        "truncation_side": "right",
        "add_prefix_space": False,
        "clean_up_tokenization_spaces": False,
        "unk_token": "[UNK]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "pad_token": "[PAD]",
        "mask_token": "[MASK]",
    }


@pytest.fixture
def foreign(transformer, tmp_path):
    """A checkpoint with files by somebody else, its classifier, and an empty folder."""
    checkpoint, folder = shutil.copytree(transformer, tmp_path / "checkpoint"), tmp_path / "folder"
    folder.mkdir()
    (checkpoint / "modeling_theirs.py").write_text("raise SystemExit")
    settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": False, "model_max_length": 512}
    settings |= {"mask_token": {"content": "[MASK]", "lstrip": True}, "bos_token": "[CLS]", "eos_token": "<new>"}
    settings |= {"padding_side": "left", "pad_token": "[MASK]", "auto_map": {"AutoTokenizer": ["theirs.T", None]}}
    (checkpoint / "tokenizer_config.json").write_text(json.dumps(settings))
    config = json.loads((checkpoint / "config.json").read_text())
    config |= {"auto_map": {"AutoModel": "modeling_theirs.M"}, "_name_or_path": "/home/them/x", "hidden_act": "gelu"}
    (checkpoint / "config.json").write_text(json.dumps(config))
    return load_checkpoint(transformer), checkpoint, folder


def test_foreign_settings_stay_where_they_agree_and_code_is_left_behind(foreign):
    classifier, checkpoint, folder = foreign
    write_companions(classifier, checkpoint, folder)
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "tokenizer_config.json"]
    settings, config = (
        json.loads(path.read_text()) for path in (folder / "tokenizer_config.json", folder / "config.json")
    )
    assert (settings["mask_token"], settings["bos_token"], settings["pad_token"]) == ("[MASK]", "[CLS]", "[PAD]")
    assert (settings["padding_side"], settings["model_max_length"]) == ("right", 24)
    assert not {"auto_map", "do_lower_case", "eos_token"} & set(settings)
    assert not {"auto_map", "_name_or_path"} & set(config)
    assert config["hidden_act"] == "gelu"


def test_damaged_settings_are_refused(foreign):
    classifier, checkpoint, folder = foreign
    (checkpoint / "tokenizer_config.json").write_text("{")
    with pytest.raises(RequestError, match="tokenizer_config.json is damaged"):
        write_companions(classifier, checkpoint, folder)


def byte_level():
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=specials, show_progress=False)
    tokenizer.train_from_iterator(sentences(100)[0], trainer)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return tokenizer, 1


def unigram():
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    specials = ["<s>", "<pad>", "</s>", "<unk>"]
    trainer = trainers.UnigramTrainer(vocab_size=120, special_tokens=specials, unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator(sentences(100)[0], trainer)
    ends = [("<s>", 0), ("</s>", 2)]
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A </s>", pair=None, special_tokens=ends)
    return tokenizer, 1


def plain_words():
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = ["film", "[PAD]", "[UNK]", *sentences(50)[0][0].split()]
    numbers = {word: number for number, word in enumerate(dict.fromkeys(words))}
    tokenizer = Tokenizer(models.WordLevel(numbers, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return tokenizer, 1


@pytest.mark.parametrize("make", [byte_level, unigram, plain_words])
def test_other_kinds_of_tokenizers_give_the_same_numbers(make, transformer, tmp_path):
    from dataclasses import replace

    from transformers import AutoTokenizer

    from encoders.text_encoder import TextEncoder

    tokenizer, padding = make()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    shutil.copyfile(transformer / "config.json", tmp_path / "config.json")
    classifier = load_checkpoint(transformer)
    encoder = TextEncoder.load(
        tmp_path / "tokenizer.json", max_length_tokens=9, padding=padding, inputs=classifier.encoder.inputs
    )
    write_companions(replace(classifier, encoder=encoder), tmp_path, tmp_path)
    auto = AutoTokenizer.from_pretrained(tmp_path)
    texts = ["film", "a [UNK] film [PAD] x", " <mask> lovely<mask>", "<s> [MASK] 雨", "film " * 30]
    token_ids = auto(texts, truncation=True)["input_ids"]
    assert token_ids == [row.tolist() for row in encoder.encode(texts)]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("format", ONNX_FORMATS)
def test_onnx_file_is_sound_and_says_what_it_is(tiny_bundle, model, format):
    import onnx
    import onnxruntime

    bundle = read_bundle(tiny_bundle(model, format))
    onnx.checker.check_model(str(bundle.model_path), full_check=True)
    session = onnxruntime.InferenceSession(bundle.model_path, providers=["CPUExecutionProvider"])
    metadata = session.get_modelmeta().custom_metadata_map
    assert json.loads(metadata["labels"]) == list(bundle.label_names)
    assert json.loads(metadata["inputs"]) == [graph_input.name for graph_input in session.get_inputs()]
    assert json.loads(metadata["licences"]) == dict(bundle.licences)
    assert "non-commercial" in metadata["licences"]
    assert (metadata["max_length_tokens"], metadata["task"]) == ("24", "single-label")
    assert metadata["made_by"].startswith("distilbench")


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("format", ONNX_FORMATS)
def test_onnx_file_holds_nothing_of_the_machine_that_made_it(tiny_bundle, model, format):
    content = read_bundle(tiny_bundle(model, format)).model_path.read_bytes()
    for trace in (b"site-packages", b"stack_trace", b'File "', b'.py"', str(tiny_bundle(model, format)).encode()):
        assert trace not in content


def test_notes_are_dropped_in_subgraphs_and_functions_too(tmp_path):
    import onnx
    from onnx import TensorProto, helper

    def node(kind, inputs, outputs, **attributes):
        new_node = helper.make_node(kind, inputs, outputs, doc_string="/home/me", **attributes)
        new_node.metadata_props.add(key="trace", value="/home/me/x.py")
        return new_node

    value = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1], doc_string="/home/me")
    branch = helper.make_graph([node("Constant", [], ["y"], value_floats=[1.0])], "branch", [], [value])
    double = helper.make_function(
        "own", "Double", ["a"], ["b"], [node("Add", ["a", "a"], ["b"])], [helper.make_opsetid("", 17)]
    )
    graph = helper.make_graph(
        [node("If", ["x"], ["z"], then_branch=branch, else_branch=branch), node("Double", ["z"], ["w"], domain="own")],
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.BOOL, [1])],
        [helper.make_tensor_value_info("w", TensorProto.FLOAT, [1])],
    )
    graph.metadata_props.add(key="signature", value="/home/me")
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    model = helper.make_model(graph, functions=[double], opset_imports=imports, ir_version=10)
    model.metadata_props.add(key="theirs", value="kept")
    file = tmp_path / "model.onnx"
    onnx.save(model, file)
    for _ in range(2):
        describe_onnx(file, label_names=["a", "ö"], input_names=["x"], max_length_tokens=3, licences={"d": "MIT"})
    assert b"/home/me" not in file.read_bytes()
    metadata = {entry.key: entry.value for entry in onnx.load(file).metadata_props}
    assert (metadata["theirs"], metadata["labels"], len(metadata)) == ("kept", '["a", "ö"]', 7)
    assert list(tmp_path.iterdir()) == [file]


def test_normalisation_of_onnx_runtime_in_the_domain_of_onnx_is_no_fault_and_others_are(tmp_path):
    import onnx
    import onnxruntime

    def write(kind):
        body = f"""<ir_version: 10, opset_import: ["" : 20]>
        rms (float[rows, 4] x) => (float[rows, 4] y)
        <float[4] scale = {{1, 1, 1, 1}}> {{ y = {kind}<axis = -1, epsilon = 1e-6>(x, scale) }}"""
        onnx.save(onnx.parser.parse_model(body), tmp_path / f"{kind}.onnx")
        describe_onnx(tmp_path / f"{kind}.onnx", label_names=["a"], input_names=["x"], max_length_tokens=3, licences={})
        return tmp_path / f"{kind}.onnx"

    session = onnxruntime.InferenceSession(write("SimplifiedLayerNormalization"))
    (normed,) = session.run(None, {"x": np.full((1, 4), 3.0, dtype=np.float32)})
    assert normed == pytest.approx(1.0)
    with pytest.raises(onnx.checker.ValidationError, match="InventedNormalization"):
        write("InventedNormalization")


@pytest.mark.parametrize("model", MODELS)
def test_torchscript_bundle_opens_with_torch_alone(tiny_bundle, model):
    import torch

    folder = tiny_bundle(model, "torchscript")
    predictor = Predictor(folder)
    arrays = predictor.encoder.pad(predictor.encoder.encode(TEXTS))
    with pytest.warns(DeprecationWarning, match="torch.jit.load"):
        module = torch.jit.load(str(folder / "model.ts"))
    logits = module(*(torch.from_numpy(arrays[graph_input.name]) for graph_input in predictor.bundle.inputs))
    assert np.allclose(logits.numpy(), predictor.logits(TEXTS), atol=1e-4)
