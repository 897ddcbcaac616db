import pytest
import torch

from materials.errors import RequestError
from teachers import TEACHERS
from teachers.transformer import load_transformer, save_transformer, start_transformer


def outputs(classifier, texts=("a lovely film", "dull")):
    arrays = classifier.encoder.pad(classifier.encoder.encode(texts))
    with torch.inference_mode():
        return classifier.module(*(torch.from_numpy(array) for array in arrays.values()))


def test_new_head_is_drawn_by_the_seed(tiny_bert):
    first, again, other = (
        start_transformer(tiny_bert, ("a", "b", "c"), max_length_tokens=16, seed=seed) for seed in (0, 0, 1)
    )
    assert outputs(first).shape == (2, 3)
    assert torch.equal(outputs(first), outputs(again))
    assert not torch.equal(outputs(first), outputs(other))


def test_saved_teacher_is_the_same_after_loading_and_opens_with_transformers(tiny_bert, tmp_path):
    from transformers import pipeline

    teacher = start_transformer(tiny_bert, ("bad", "good"), max_length_tokens=16, seed=0)
    save_transformer(teacher, tmp_path)
    loaded = load_transformer(tmp_path)
    assert torch.equal(outputs(teacher), outputs(loaded))
    assert (loaded.label_names, loaded.encoder.max_length_tokens) == (("bad", "good"), 16)
    assert pipeline("text-classification", model=str(tmp_path))("a lovely film")[0]["label"] in ("bad", "good")


def test_fine_tuned_head_is_kept(tiny_classifier):
    first, other = (
        start_transformer(tiny_classifier, ("good", "bad"), max_length_tokens=16, seed=seed) for seed in (0, 1)
    )
    assert torch.equal(outputs(first), outputs(other))


@pytest.mark.parametrize("name", ["tokenizer.json", "model.safetensors"])
def test_damaged_weights_are_refused_in_one_sentence(tiny_bert, tmp_path, name):
    import shutil

    copy = shutil.copytree(tiny_bert, tmp_path / "model")
    (copy / name).write_bytes((copy / name).read_bytes()[:100])
    with pytest.raises(RequestError, match="cannot be (opened as a transformer that classifies|used as a tokenizer): "):
        start_transformer(copy, ("a", "b"), max_length_tokens=16, seed=0)


def test_texts_longer_than_the_model_takes_are_refused(tiny_bert):
    with pytest.raises(RequestError, match="max_length_tokens is 500, but the model in .* takes at most 160"):
        start_transformer(tiny_bert, ("a", "b"), max_length_tokens=500, seed=0)


@pytest.mark.parametrize("name", TEACHERS)
def test_what_a_kind_of_teacher_names_is_there(name):
    """Functions of a kind are imported when they are called; those that it lacks refuse."""
    kind = TEACHERS[name]
    for function in filter(None, (kind.start, kind.open, kind.load, kind.save, kind.answer)):
        with pytest.raises(TypeError, match="missing .* required|not trained|not stored"):
            function()
