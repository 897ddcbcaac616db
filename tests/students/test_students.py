"""One contract for every architecture in STUDENTS."""

import numpy as np
import pytest
import torch
from sample_texts import sentences

from materials.word_vectors import WordVectors
from students import STUDENTS
from students.checkpoint import StudentShape, build_student, load_student, save_student
from students.vocabulary import build_tokenizer, count_words, save_tokenizer, words_of

SMALL = {
    "linear": {"buckets": 100},
    "cnn": {"filters": 8},
    "bilstm": {"hidden": 6, "layer": 5},
    "resnext1d": {"channels": [4, 8, 16], "strides": [2, 2], "cardinality": 2},
}


def small(architecture, words=40):
    return StudentShape(
        architecture=architecture,
        words=words,
        dimensions=10,
        label_names=("a", "b", "c"),
        max_length_tokens=32,
        settings=SMALL.get(architecture, {}),
    )


def numbers(batch, length):
    return torch.from_numpy(np.random.default_rng(0).integers(1, 40, size=(batch, length)))


@pytest.fixture(params=STUDENTS)
def module(request):
    return build_student(small(request.param), vectors=None, seed=0).eval()


@pytest.mark.parametrize(("batch", "length"), [(1, 1), (1, 2), (2, 1), (3, 7), (5, 32)])
def test_logits_have_one_row_a_text_for_every_shape(module, batch, length):
    logits = module(numbers(batch, length))
    assert logits.shape == (batch, 3)
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize("length", [1, 2, 5, 9])
def test_padding_changes_nothing(module, length):
    texts = numbers(4, length)
    padded = torch.nn.functional.pad(texts, (0, 11))
    assert torch.allclose(module(texts), module(padded), atol=1e-6)


def test_order_of_words_reaches_the_logits(module):
    texts = numbers(4, 9)
    with torch.no_grad():
        if hasattr(module, "bigrams"):
            module.bigrams.weight.normal_()
        assert not torch.allclose(module(texts), module(texts.flip(1)), atol=1e-6)


def test_every_weight_gets_a_gradient(module):
    module(numbers(16, 12)).square().sum().backward()
    unused = [name for name, weight in module.named_parameters() if weight.grad is None]
    assert unused == []


def test_same_seed_same_weights_and_another_seed_others():
    first, again, other = (build_student(small("cnn"), vectors=None, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(first.output.weight, again.output.weight)
    assert not torch.equal(first.output.weight, other.output.weight)


@pytest.mark.parametrize("architecture", STUDENTS)
def test_pretrained_vectors_start_the_embedding_and_padding_is_zero(architecture):
    known = np.zeros(40, dtype=bool)
    known[[0, 3, 4]] = True
    matrix = np.random.default_rng(0).normal(size=(40, 10)).astype(np.float32)
    weight = build_student(
        small(architecture), vectors=WordVectors(matrix=matrix, known=known), seed=0
    ).embedding.weight
    assert torch.equal(weight[3:5], torch.from_numpy(matrix[3:5]))
    assert weight[0].abs().sum() == 0
    assert weight[5].abs().sum() > 0


@pytest.mark.parametrize("architecture", STUDENTS)
def test_saved_student_is_the_same_after_loading(architecture, tmp_path):
    tokenizer = build_tokenizer(sentences(100)[0], known=())
    shape = small(architecture, words=tokenizer.get_vocab_size())
    module = build_student(shape, vectors=None, seed=0).eval()
    save_student(module, shape, tokenizer, tmp_path)
    loaded = load_student(tmp_path)
    assert (loaded.architecture, loaded.label_names) == (architecture, ("a", "b", "c"))
    batch = torch.from_numpy(loaded.encoder.pad(loaded.encoder.encode(["a lovely film", "dull"]))["input_ids"])
    assert torch.equal(module(batch), loaded.module(batch))


def test_vocabulary_keeps_frequent_words_and_words_with_a_vector():
    tokenizer = build_tokenizer(["common common rare", "Common known"], known={"known"})
    assert words_of(tokenizer) == ["[PAD]", "[UNK]", "common", "known"]


def test_words_are_cut_as_in_the_treebank():
    tokenizer = build_tokenizer(["x"], known={"x"})
    assert list(count_words(tokenizer, ["I don't think it's Café-like, 3.5 stars!"])) == [
        *("i", "do", "n't", "think", "it", "'s", "café", "-", "like", ",", "3", ".", "5", "stars", "!"),
    ]


def test_tokenizer_file_holds_all_that_encoding_needs(tmp_path):
    from tokenizers import Tokenizer

    tokenizer = build_tokenizer(["a lovely film"], known={"a", "lovely", "film"})
    save_tokenizer(tokenizer, tmp_path)
    loaded = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert loaded.encode("LOVELY film, unseen").ids == [3, 4, 1, 1]
