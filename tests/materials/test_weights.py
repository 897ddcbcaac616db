import json
import shutil

import pytest

from materials.errors import RequestError
from materials.weights import WeightsFolder, check_config_in, find_weights


def find(name, root):
    return find_weights(str(name), root, report=lambda done, total: None)


def test_local_folder_is_used_as_it_is(tiny_bert, tiny_classifier, tmp_path):
    assert find(tiny_bert, tmp_path).is_classifier is False
    weights = find(tiny_classifier, tmp_path)
    assert (weights.is_classifier, weights.label_names) == (True, ("good", "bad"))


def test_digest_tells_weights_apart(tiny_bert, tiny_classifier, tmp_path):
    assert find(tiny_bert, tmp_path).digest != find(tiny_classifier, tmp_path).digest


def test_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(RequestError, match="is no model folder; expected config.json"):
        find(tmp_path, tmp_path)


@pytest.mark.parametrize("name", ["minilmm", "./nowhere", "/no/such/folder"])
def test_unknown_weights_name_the_choices(tmp_path, name):
    with pytest.raises(
        RequestError, match="choose one of minilm, mpnet, efficientnet-lite0, a folder with config.json"
    ):
        find(name, tmp_path)


def test_hub_name_without_a_hub_says_so_in_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(
        RequestError, match=r"could not get 'someone/something' from the Hub \(.*\); choose one of minilm"
    ):
        find("someone/something", tmp_path)


def test_unnamed_labels_of_a_classifier_are_numbered(tmp_path):
    from transformers import BertConfig, BertForSequenceClassification

    config = BertConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, vocab_size=20)
    BertForSequenceClassification(config).save_pretrained(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    assert find(tmp_path, tmp_path).label_names == ("LABEL_0", "LABEL_1")


@pytest.mark.parametrize("content", ["", "{", "[]", "{}"])
def test_damaged_configuration_is_refused(tiny_bert, tmp_path, content):
    import shutil

    copy = shutil.copytree(tiny_bert, tmp_path / "model")
    (copy / "config.json").write_text(content)
    with pytest.raises(RequestError, match=r"config.json is damaged"):
        find(copy, tmp_path)


def test_labels_of_one_name_are_told_apart_by_their_numbers(tiny_classifier, tmp_path):
    folder = shutil.copytree(tiny_classifier, tmp_path / "copy")
    name_outputs(folder, {"0": "bad", "1": "fine", "2": "great", "3": "fine"})
    assert find(folder, tmp_path).label_names == ("bad", "fine (1)", "great", "fine (3)")


def test_gap_in_the_names_of_outputs_is_refused(tiny_classifier, tmp_path):
    folder = shutil.copytree(tiny_classifier, tmp_path / "copy")
    name_outputs(folder, {"0": "bad", "2": "great"})
    with pytest.raises(RequestError, match="names the outputs 0, 2 in its id2label; there is no name for output 1"):
        _ = find(folder, tmp_path).label_names


def name_outputs(folder, names):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "id2label": names}))


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (("fine", "bad", "fine"), ("fine (0)", "bad", "fine (2)")),
        (("x", "x", "x (0)"), ("x (0) (0)", "x (1)", "x (0) (2)")),
        ((" bad", "good "), ("bad", "good")),
        (("", " "), ("(0)", "(1)")),
        (("[/x]", ":x:"), ("[/x]", ":x:")),
    ],
)
def test_names_of_outputs_are_told_apart_and_read_as_labels_of_rows_are(tmp_path, given, names):
    content = {"id2label": {str(number): name for number, name in enumerate(given)}}
    (tmp_path / "config.json").write_text(json.dumps(content))
    assert WeightsFolder(path=tmp_path, digest="", licence="").label_names == names


@pytest.mark.parametrize(
    "change",
    [{"num_hidden_layers": 10**9}, {"text_config": {"n_layers": 10**9}}, {"depths": [2, 10**9]}, {"num_blocks": 1_001}],
)
def test_far_too_many_layers_are_refused_before_they_are_built(tiny_classifier, tmp_path, change):
    folder = shutil.copytree(tiny_classifier, tmp_path / "deep")
    check_config_in(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | change))
    with pytest.raises(RequestError, match=r"config\.json has .* as its \w+; expected 1,000 at most"):
        check_config_in(folder)
