"""A fine-tuned folder opens with the head that it was trained with, or is refused in one sentence."""

import json
import re
import shutil

import pytest
import torch
from sample_models import save_tiny_bert, split_weights
from tokenizers import Tokenizer

from export.checkpoint import load_checkpoint
from materials.errors import RequestError
from teachers.image_classifier import start_image_classifier
from teachers.transformer import save_transformer, start_transformer

KINDS = ("text", "image")


@pytest.fixture(scope="session")
def sound(tiny_classifier, tiny_vit):
    """A fine-tuned folder of each kind."""
    return {"text": tiny_classifier, "image": tiny_vit}


@pytest.fixture
def copy(request, sound, tmp_path):
    """A copy of the fine-tuned folder of a kind, to do harm to."""
    return shutil.copytree(sound[request.param], tmp_path / "copy")


def configure(folder, **changed):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **changed}))


def change_weights(folder, change):
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    changed = {name: change(name, tensor) for name, tensor in weights.items()}
    kept_weights = {name: tensor.contiguous() for name, tensor in changed.items() if tensor is not None}
    save_file(kept_weights, folder / "model.safetensors", metadata={"format": "pt"})


def logits(classifier, texts):
    arrays = classifier.encoder.pad(classifier.encoder.encode(texts))
    with torch.inference_mode():
        return classifier.module(*(torch.from_numpy(array) for array in arrays.values()))


def refusal(folder):
    with pytest.raises(RequestError) as refused:
        load_checkpoint(folder)
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize("copy", KINDS, indirect=True)
def test_weights_without_the_head_are_refused(copy):
    change_weights(copy, lambda name, tensor: None if name.startswith("classifier") else tensor)
    assert "config.json names: classifier.bias is missing from the weights or of another size" in refusal(copy)


@pytest.mark.parametrize("copy", KINDS, indirect=True)
def test_head_of_another_size_is_refused(copy):
    change_weights(copy, lambda name, tensor: tensor[:1] if name == "classifier.weight" else tensor)
    assert "has 1 outputs, and its config.json names 2 labels" in refusal(copy)


def test_counts_of_batches_that_older_files_lack_are_not_missed(tiny_resnet, tmp_path):
    folder = shutil.copytree(tiny_resnet, tmp_path / "resnet")
    change_weights(folder, lambda name, tensor: tensor if tensor.is_floating_point() else None)
    assert load_checkpoint(folder).label_names == ("blue", "red")


def test_saved_teacher_that_lost_its_head_is_refused(tiny_bert, tmp_path):
    save_transformer(start_transformer(tiny_bert, ("bad", "good"), max_length_tokens=16, seed=0), tmp_path)
    change_weights(tmp_path, lambda name, tensor: None if name == "classifier.weight" else tensor)
    assert "classifier.weight is missing" in refusal(tmp_path)


@pytest.mark.parametrize("copy", ["text"], indirect=True)
def test_new_head_on_a_body_of_text_is_started_on_purpose(copy):
    change_weights(copy, lambda name, tensor: None if name.startswith("classifier") else tensor)
    assert start_transformer(copy, ("a", "b"), max_length_tokens=16, seed=0).label_names == ("a", "b")


@pytest.mark.parametrize("copy", ["image"], indirect=True)
def test_new_head_on_a_body_of_images_is_started_on_purpose(copy):
    change_weights(copy, lambda name, tensor: None if name.startswith("classifier") else tensor)
    assert start_image_classifier(copy, ("a", "b"), seed=0).label_names == ("a", "b")


@pytest.mark.parametrize("copy", KINDS, indirect=True)
def test_head_of_several_labels_is_opened_as_such(copy):
    configure(copy, problem_type="multi_label_classification")
    assert load_checkpoint(copy).task.name == "multi-label"


@pytest.mark.parametrize("copy", KINDS, indirect=True)
def test_single_output_is_a_number(copy):
    configure(copy, id2label={"0": "score"}, label2id={"score": 0})
    change_weights(copy, lambda name, tensor: tensor[:1] if name.startswith("classifier") else tensor)
    classifier = load_checkpoint(copy)
    assert (classifier.task.name, classifier.label_names) == ("regression", ("score",))


@pytest.mark.parametrize("copy", KINDS, indirect=True)
def test_task_that_does_not_fit_the_number_of_outputs_is_refused(copy):
    configure(copy, problem_type="regression")
    assert "has 2 output(s), and its config.json says regression; expected one output" in refusal(copy)


@pytest.mark.parametrize("copy", KINDS, indirect=True)
def test_unknown_task_is_refused(copy):
    configure(copy, problem_type="ranking")
    assert "has the problem_type 'ranking' in its config.json; known: single_label_classification" in refusal(copy)


def test_teacher_started_on_a_model_for_another_task_opens_again(tmp_path, tiny_bert):
    body = shutil.copytree(tiny_bert, tmp_path / "body")
    configure(body, problem_type="multi_label_classification")
    (tmp_path / "saved").mkdir()
    save_transformer(start_transformer(body, ("a", "b"), max_length_tokens=16, seed=0), tmp_path / "saved")
    assert load_checkpoint(tmp_path / "saved").label_names == ("a", "b")


@pytest.mark.parametrize("copy", KINDS, indirect=True)
def test_weights_in_several_files_are_those_of_one_file(copy):
    expected = load_checkpoint(copy).module.state_dict()
    split_weights(copy)
    assert len(list(copy.glob("model-*.safetensors"))) > 1
    state = load_checkpoint(copy).module.state_dict()
    assert all(torch.equal(state[name], tensor) for name, tensor in expected.items())


def name_in_index(name):
    def change(folder):
        index = json.loads((folder / INDEX).read_text())
        index["weight_map"][min(index["weight_map"])] = name
        (folder / INDEX).write_text(json.dumps(index))

    return change


INDEX = "model.safetensors.index.json"
NO_FILE = "which is no safetensors file in its own folder"
HARMS = {
    "out of the folder": (name_in_index("../drawn.safetensors"), f"names '../drawn.safetensors', {NO_FILE}"),
    "from the root": (name_in_index("/etc/drawn.safetensors"), f"names '/etc/drawn.safetensors', {NO_FILE}"),
    "a pickle": (name_in_index("pytorch_model.bin"), f"names 'pytorch_model.bin', {NO_FILE}"),
    "a number": (name_in_index(3), f"names '3', {NO_FILE}"),
    "gone": (
        lambda folder: min(folder.glob("model-*.safetensors")).unlink(),
        f"names 'model-00001-of-.*.safetensors', {NO_FILE}",
    ),
    "nothing": (lambda folder: (folder / INDEX).write_text("{}"), "index.json is damaged; expected 'metadata' and"),
    "no JSON": (lambda folder: (folder / INDEX).write_text("{"), "index.json is damaged: "),
    "cut short": (
        lambda folder: min(folder.glob("model-*.safetensors")).write_bytes(b"damaged"),
        "cannot be opened as a",
    ),
}


@pytest.mark.parametrize("harm", HARMS)
@pytest.mark.parametrize("copy", KINDS, indirect=True)
def test_damaged_or_straying_index_of_several_files_is_refused(copy, harm):
    (copy.parent / "drawn.safetensors").write_bytes((copy / "model.safetensors").read_bytes())
    (copy / "pytorch_model.bin").write_bytes(b"code")
    change, sentence = HARMS[harm]
    change(split_weights(copy))
    assert re.search(sentence, refusal(copy))


@pytest.mark.parametrize("copy", KINDS, indirect=True)
def test_weights_that_only_the_configuration_names_are_refused(copy):
    (copy / "model.safetensors").rename(copy / "other.safetensors")
    configure(copy, transformers_weights="other.safetensors")
    assert "config.json names 'other.safetensors' as its transformers_weights; expected the weights in" in refusal(copy)


@pytest.mark.parametrize("copy", ["text"], indirect=True)
@pytest.mark.parametrize(
    "kernel", ["somebody/attention", "flash_attention_2", {"": "eager", "vision": "somebody/attention"}]
)
def test_code_of_the_hub_is_not_fetched_to_compute_attention(copy, kernel):
    configure(copy, attn_implementation=kernel)
    name = kernel if isinstance(kernel, str) else "somebody/attention"
    assert f"config.json names '{name}' as its attn_implementation, which would be fetched" in refusal(copy)


def save_tiny_gpt2(folder, *, pad_token_id):
    from transformers import GPT2Config, GPT2ForSequenceClassification

    save_tiny_bert(folder, label_names=("bad", "good"))
    settings = {"n_embd": 32, "n_layer": 1, "n_head": 2, "n_positions": 512, "bos_token_id": 2, "eos_token_id": 3}
    GPT2ForSequenceClassification(GPT2Config(vocab_size=300, pad_token_id=pad_token_id, **settings)).save_pretrained(
        folder
    )
    return folder


def test_model_that_needs_a_padding_token_is_refused_without_one(tmp_path):
    folder = save_tiny_gpt2(tmp_path / "gpt2", pad_token_id=None)
    assert "cannot take several texts at once, for its config.json names no pad_token_id; set it" in refusal(folder)


def test_model_with_a_padding_token_computes_the_same_in_a_batch(tmp_path):
    classifier = load_checkpoint(save_tiny_gpt2(tmp_path / "gpt2", pad_token_id=0))
    texts = ["a lovely film", "dull"]
    together, *alone = (logits(classifier, part) for part in (texts, texts[:1], texts[1:]))
    torch.testing.assert_close(together, torch.cat(alone))


@pytest.mark.parametrize("copy", ["text"], indirect=True)
def test_model_that_needs_no_padding_token_opens_without_one(copy):
    configure(copy, pad_token_id=None)
    assert load_checkpoint(copy).encoder.padding == 0


@pytest.fixture
def text_copy(tiny_classifier, tmp_path):
    return shutil.copytree(tiny_classifier, tmp_path / "copy")


def test_head_of_more_outputs_than_names_says_both_numbers(text_copy):
    configure(text_copy, id2label={"0": "a", "1": "b", "2": "c"}, label2id={"a": 0, "b": 1, "c": 2}, num_labels=3)
    assert "has 2 outputs, and its config.json names 3 labels" in refusal(text_copy)


def test_tokenizer_with_more_tokens_than_the_model_is_refused(text_copy):
    tokenizer = Tokenizer.from_file(str(text_copy / "tokenizer.json"))
    tokens = tokenizer.get_vocab_size()
    tokenizer.add_tokens(["[PRICE]"])
    tokenizer.save(str(text_copy / "tokenizer.json"))
    assert f"has {tokens + 1} tokens, the model {tokens}" in refusal(text_copy)


def test_tokenizer_that_cuts_on_the_left_is_refused(text_copy):
    settings = text_copy / "tokenizer_config.json"
    settings.write_text(json.dumps({"truncation_side": "left"}))
    assert "cuts long texts on the left" in refusal(text_copy)
    settings.write_text(json.dumps({"truncation_side": "right"}))
    load_checkpoint(text_copy)


def test_two_files_of_a_tokenizer_that_disagree_are_refused(text_copy):
    tokenizer = json.loads((text_copy / "tokenizer.json").read_text())
    tokenizer["normalizer"]["lowercase"] = False
    (text_copy / "tokenizer.json").write_text(json.dumps(tokenizer))
    settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "pad_token": "[PAD]"}
    (text_copy / "tokenizer_config.json").write_text(json.dumps(settings))
    assert "disagree: transformers reads" in refusal(text_copy)
    for length in (100, 4):  # of which the texts that are tried are longer
        agreeing = {**settings, "do_lower_case": False, "model_max_length": length}
        (text_copy / "tokenizer_config.json").write_text(json.dumps(agreeing))
        assert load_checkpoint(text_copy).encoder.max_length_tokens == length


def test_model_whose_answer_depends_on_padding_is_refused(text_copy, monkeypatch):
    """FNet mixes all places, padding too."""
    from transformers import FNetConfig, FNetForSequenceClassification

    tokens = Tokenizer.from_file(str(text_copy / "tokenizer.json")).get_vocab_size()
    config = FNetConfig(
        vocab_size=tokens, hidden_size=32, num_hidden_layers=1, intermediate_size=64, id2label={0: "a", 1: "b"}
    )
    torch.manual_seed(0)
    model = FNetForSequenceClassification(config)
    with torch.no_grad():
        model.classifier.weight.mul_(100)
    model.save_pretrained(text_copy)
    assert "answers a text alone otherwise than beside a longer one" in refusal(text_copy)


def test_length_that_no_configuration_tells_is_tried(text_copy, monkeypatch):
    monkeypatch.setattr("export.checkpoint.most_positions", lambda config: 200)
    configure(text_copy, max_position_embeddings=160)
    monkeypatch.setattr("teachers.transformer._check_length", lambda *_: None)
    assert "takes no text of 200 tokens" in refusal(text_copy)
