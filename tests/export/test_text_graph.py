"""Files that take texts read them as tokenizer.json does, and the gate refuses those that do not."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sample_models import exported_once, opened_once, save_tiny_transformer, widen
from sample_texts import labelled, sentences

pytest.importorskip("onnxruntime_extensions")

from export.bundle import read_bundle
from export.formats import EXPORTERS
from export.from_text import gate as text_gate
from export.from_text.gate import TEXT_MODEL, UNUSUAL, add_text_graph, check_text_graph
from export.from_text.graph import write_text_graph
from export.from_text.outside import outside_of
from export.from_text.session import open_session
from materials.errors import RequestError

TEXTS = sentences(150)[0] + ["Déjà vu, à l'été!", "don't they've", "A “fine” café… ½"]
KINDS = ("WordLevel", "WordPiece", "BPE")
DOCS = Path(__file__).parents[2] / "docs" / "text-in-one-file.md"
BROAD = st.text(alphabet=st.characters(exclude_categories=["Cs"]) | st.sampled_from("aAnN't sS.\u0301\u0308éÉİ中"))
PLAIN = st.text(alphabet=st.characters(max_codepoint=0x24F))


def save_tiny_roberta(folder):
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
    from transformers import RobertaConfig, RobertaForSequenceClassification

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=specials, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    config = RobertaConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=160,
        id2label={0: "bad", 1: "good"},
    )
    RobertaForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def save_sure_transformer(folder, weights):
    """Random weights hardly tell texts apart; those of this head are larger."""
    return widen(save_tiny_transformer(folder, weights), "classifier", 30)


@pytest.fixture(scope="session")
def export_once(tmp_path_factory, tiny_student, tiny_bert):
    """A function that gives the bundle of a kind of tokenizer in a format."""
    root, rows = tmp_path_factory.mktemp("text-graphs"), labelled(60)
    checkpoints = {
        "WordLevel": tiny_student,
        "WordPiece": save_sure_transformer(root / "bert", tiny_bert),
        "BPE": save_sure_transformer(root / "roberta", save_tiny_roberta(root / "roberta-weights")),
    }
    with opened_once(checkpoints, rows.items) as origin_of:
        yield exported_once(origin_of, root, rows=rows)


@pytest.fixture(scope="session")
def bundles(export_once, tmp_path_factory):
    """A bundle for each kind of tokenizer, with the file that takes texts, and what its gate found."""
    root = tmp_path_factory.mktemp("with-texts")
    folders = {kind: Path(shutil.copytree(export_once(kind, "onnx"), root / kind)) for kind in KINDS}
    return {kind: (folder, add_text_graph(folder, TEXTS)) for kind, folder in folders.items()}


def reader(bundle, file, folder):
    """A function from texts to the arrays inside the file's graph and those of the bundle's tokenizer."""
    import onnx

    model = onnx.load(file)
    names = [graph_input.name for graph_input in bundle.inputs]
    model.graph.output.extend(onnx.helper.make_tensor_value_info(name, 7, None) for name in names)
    onnx.save(model, folder / "with-arrays.onnx")
    session, encoder = open_session(folder / "with-arrays.onnx"), bundle.encoder()

    def read(texts):
        arrays = session.run(names, {"text": np.array(texts, dtype=object)})
        return arrays, [encoder.pad(encoder.encode(texts))[name] for name in names]

    return read, outside_of(bundle)


@pytest.fixture(scope="session")
def readers(bundles, tmp_path_factory):
    """For each kind, how its file and its tokenizer read texts, and which texts are outside."""
    return {
        kind: reader(read_bundle(folder), folder / TEXT_MODEL, tmp_path_factory.mktemp("reader"))
        for kind, (folder, _) in bundles.items()
    }


def changed_bundle(bundles, kind, change, folder):
    """The bundle of a kind with parts of its tokenizer.json exchanged."""
    bundle = read_bundle(bundles[kind][0])
    content = json.loads((bundle.folder / "tokenizer.json").read_text(encoding="utf-8")) | change
    shutil.copytree(bundle.folder, folder)
    (folder / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
    return replace(bundle, folder=folder)


def assert_read_alike(readers, kind, texts):
    read, is_outside = readers[kind]
    texts = [text for text in texts if not is_outside(text)] or ["a"]
    for graph_array, expected in zip(*read(texts), strict=True):
        np.testing.assert_array_equal(graph_array, expected)


@pytest.mark.parametrize("kind", KINDS)
def test_file_is_sound_listed_and_equal(bundles, kind):
    import onnx

    folder, check = bundles[kind]
    bundle = read_bundle(folder)
    model = onnx.load(folder / TEXT_MODEL)
    onnx.checker.check_model(model)
    assert TEXT_MODEL in bundle.files
    assert check.rows_compared == len(TEXTS)
    assert check.largest_difference < 1e-5
    assert (check.rows_outside, check.agreement) == (0, 1.0)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    assert (json.loads(metadata["labels"]), json.loads(metadata["inputs"])) == (["bad", "good"], ["text"])
    assert [graph_value.name for graph_value in model.graph.input] == ["text"]
    assert [graph_value.name for graph_value in model.graph.output] == ["probabilities", "label"]


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(PLAIN | BROAD, min_size=1, max_size=5))
def test_any_texts_are_read_as_tokenizer_json_reads_them(readers, kind, texts):
    assert_read_alike(readers, kind, texts)


@pytest.mark.parametrize("kind", KINDS)
def test_every_character_is_read_as_tokenizer_json_reads_it(readers, kind):
    codes = [code for code in range(1, 0x20000, 1 if kind != "BPE" else 7) if not 0xD800 <= code < 0xE000]
    texts = [f"a{chr(code)}b" for code in codes if chr(code) != "\x85" or kind != "BPE"]
    for start in range(0, len(texts), 4096):
        assert_read_alike(readers, kind, texts[start : start + 4096])


@pytest.mark.parametrize("kind", KINDS)
def test_unusual_texts_are_not_outside(readers, kind):
    assert not any(map(readers[kind][1], UNUSUAL))
    assert_read_alike(readers, kind, UNUSUAL)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("WordLevel", "zero \0 here"),
        ("WordLevel", "\u1112\u1161\u11ab"),
        ("WordPiece", "a [SEP] b"),
        ("BPE", "one <mask> two"),
        ("BPE", "a \x85b"),
    ],
)
def test_texts_outside_are_counted_and_shown(bundles, kind, text):
    folder, _ = bundles[kind]
    check = check_text_graph(read_bundle(folder), folder / TEXT_MODEL, [*TEXTS[:3], text])
    assert (check.rows_compared, check.rows_outside, check.first_outside) == (3, 1, text)


@pytest.mark.parametrize("text", ["e\u0302\u0301te\u0301", "E\u0301", "\u304b\u3099", "\ufb01n \uff21\uff22 \u2460"])
def test_accents_on_letters_and_forms_of_letters_are_inside(readers, text):
    assert not readers["WordLevel"][1](text)
    assert_read_alike(readers, "WordLevel", [text, "a"])


def test_swapped_words_are_caught(bundles, tmp_path):
    import onnx

    folder, _ = bundles["WordLevel"]
    model = onnx.load(folder / TEXT_MODEL)
    lookup = next(node for node in model.graph.node if node.op_type == "LabelEncoder")
    keys = next(attribute for attribute in lookup.attribute if attribute.name == "keys_strings").strings
    first, second = (list(keys).index(word) for word in (b"lovely", b"dull"))
    keys[first], keys[second] = keys[second], keys[first]
    onnx.save(model, tmp_path / "swapped.onnx")
    with pytest.raises(RequestError, match=r"a probability differs by .* for the text '.*(lovely|dull)"):
        check_text_graph(read_bundle(folder), tmp_path / "swapped.onnx", TEXTS)


@pytest.mark.parametrize("kind", KINDS)
def test_file_that_cuts_elsewhere_is_not_kept(bundles, tmp_path, monkeypatch, kind):
    folder = Path(shutil.copytree(bundles[kind][0], tmp_path / "bundle"))
    (folder / TEXT_MODEL).unlink()
    before = (folder / "bundle.json").read_bytes()
    names = sorted(path.name for path in folder.iterdir())
    read = read_bundle(bundles[kind][0])
    monkeypatch.setattr(text_gate, "read_bundle", lambda place: replace(read, folder=place))
    monkeypatch.setattr(
        text_gate,
        "write_text_graph",
        lambda bundle, file: write_text_graph(replace(bundle, max_length_tokens=6), file),
    )
    with pytest.raises(RequestError, match="a probability differs"):
        add_text_graph(folder, TEXTS)
    assert sorted(path.name for path in folder.iterdir()) == names
    assert (folder / "bundle.json").read_bytes() == before


@pytest.mark.parametrize(
    ("kind", "change", "sentence"),
    [
        (
            "WordLevel",
            {"normalizer": {"type": "Precompiled"}},
            "its normalizer 'Precompiled' has no operator; known: Bert",
        ),
        (
            "WordPiece",
            {"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Replace"}]}},
            "its normalizer 'Replace' has no operator",
        ),
        ("WordLevel", {"pre_tokenizer": {"type": "Whitespace"}}, "its pre_tokenizer 'Whitespace' has no operator"),
        ("WordPiece", {"pre_tokenizer": None}, "its pre_tokenizer 'none' has no operator"),
        ("BPE", {"normalizer": {"type": "NFC"}}, "its normalizer 'NFC' has no operator for BPE"),
        ("BPE", {"pre_tokenizer": {"type": "Metaspace"}}, "its pre_tokenizer 'Metaspace' has no operator for BPE"),
        (
            "WordLevel",
            {"model": {"type": "Unigram"}},
            "its model 'Unigram' has no operator; known: WordLevel, WordPiece, BPE",
        ),
    ],
)
def test_tokenizer_without_operators_is_refused_by_name(bundles, tmp_path, kind, change, sentence):
    changed = changed_bundle(bundles, kind, change, tmp_path / "bundle")
    with pytest.raises(RequestError, match=re.escape(sentence)):
        write_text_graph(changed, tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()


@pytest.mark.parametrize("format", [name for name, exporter in EXPORTERS.items() if exporter.runtime == "onnxruntime"])
def test_every_onnx_format_can_take_texts(export_once, tmp_path, format):
    folder = Path(shutil.copytree(export_once("WordPiece", format), tmp_path / format))
    assert add_text_graph(folder, TEXTS).rows_compared == len(TEXTS)
    assert TEXT_MODEL in read_bundle(folder).files


def test_bundle_of_another_runtime_is_refused(tiny_eager):
    with pytest.raises(RequestError, match="holds a model for torch; only an ONNX file can take a text"):
        add_text_graph(tiny_eager, TEXTS)


@pytest.mark.parametrize(("modality", "plural"), [("image", "images"), ("pair", "pairs of texts")])
def test_bundle_for_other_items_is_refused(bundles, tmp_path, modality, plural):
    bundle = replace(read_bundle(bundles["WordLevel"][0]), modality=modality, max_length_tokens=None)
    with pytest.raises(RequestError, match=f"holds a model of {plural}; only a model of single texts can take a text"):
        write_text_graph(bundle, tmp_path / "model.onnx")


def test_missing_package_names_the_extra(tiny_onnx, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime_extensions", None)
    with pytest.raises(RequestError, match="install distilbench with its extra 'text-graph'"):
        add_text_graph(tiny_onnx, TEXTS)


def test_the_program_in_the_docs_runs_on_the_file_alone(bundles, tmp_path):
    shutil.copyfile(bundles["WordLevel"][0] / TEXT_MODEL, tmp_path / TEXT_MODEL)
    program = re.search(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)[1]
    answer = subprocess.run(
        [sys.executable, "-I", "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    lines = [line.split() for line in answer.stdout.splitlines()]
    assert [label in ("bad", "good") for label, _ in lines] == [True, True]
    assert all(0.5 <= float(probability) <= 1 for _, probability in lines)


@pytest.mark.parametrize(
    "normalizer",
    [
        {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": None,
            "lowercase": False,
        },
        {"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "StripAccents"}, {"type": "Lowercase"}]},
        None,
    ],
)
def test_other_normalizers_are_read_alike(bundles, tmp_path, normalizer):
    """The last of the file, for the rules of these take the places of the others in the cache."""
    changed = changed_bundle(bundles, "WordPiece", {"normalizer": normalizer}, tmp_path / "bundle")
    write_text_graph(changed, tmp_path / "model.onnx")
    readers = {"WordPiece": reader(changed, tmp_path / "model.onnx", tmp_path)}
    codes = [code for code in range(1, 0x20000, 3) if not 0xD800 <= code < 0xE000]
    assert_read_alike(readers, "WordPiece", [*UNUSUAL, *TEXTS, *(f"A{chr(code)}b" for code in codes)])
