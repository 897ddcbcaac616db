import pytest

from materials.errors import RequestError
from materials.weights import find_weights


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
    with pytest.raises(RequestError, match="choose one of minilm, a folder with config.json"):
        find(name, tmp_path)


def test_hub_name_without_a_hub_says_so_in_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(
        RequestError, match=r"could not get 'someone/something' from the Hub \(.*\); choose one of minilm"
    ):
        find("someone/something", tmp_path)
