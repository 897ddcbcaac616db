"""One contract for every architecture in STUDENTS that reads texts, and one for those that read images."""

import copy
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from sample_models import tiny_shape
from sample_texts import sentences

from materials.errors import RequestError
from materials.word_vectors import WordVectors
from students import STUDENTS
from students.checkpoint import StudentShape, build_student, load_student, save_student, student_encoder
from students.static import Static
from students.vocabulary import build_tokenizer, count_words, save_tokenizer, without_mask, words_of
from training.precision import has_bf16

LABELS = ("a", "b", "c")
OF_TEXTS = [name for name, kind in STUDENTS.items() if "text" in kind.modalities and not kind.is_pretrained]
OF_IMAGES = [name for name, student in STUDENTS.items() if "image" in student.modalities and not student.is_pretrained]


def small(architecture, words=40):
    return tiny_shape(architecture, words=words, dimensions=10, label_names=LABELS)


def numbers(batch, length):
    return torch.from_numpy(np.random.default_rng(0).integers(1, 40, size=(batch, length)))


@pytest.fixture(params=OF_TEXTS)
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


@pytest.mark.parametrize("architecture", OF_TEXTS)
@pytest.mark.parametrize("padding", [1, 39])
def test_padding_may_be_any_token(architecture, padding):
    module = build_student(replace(small(architecture), padding=padding), vectors=None, seed=0).eval()
    texts = numbers(4, 9)
    texts[texts == padding] = 2
    padded = torch.nn.functional.pad(texts, (0, 11), value=padding)
    assert module.embedding.weight[padding].abs().sum() == 0
    assert torch.allclose(module(texts), module(padded), atol=1e-6)
    assert torch.allclose(module(texts), module.eval().deployed()(padded), atol=1e-6)


def test_order_of_words_reaches_the_logits(module):
    if isinstance(module, Static):
        pytest.skip("a mean of tokens knows no order")
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


@pytest.mark.parametrize("architecture", OF_TEXTS)
def test_pretrained_vectors_start_the_embedding_and_padding_is_zero(architecture):
    has_vector = np.zeros(40, dtype=bool)
    has_vector[[0, 3, 4]] = True
    matrix = np.random.default_rng(0).normal(size=(40, 10)).astype(np.float32)
    weight = build_student(
        small(architecture), vectors=WordVectors(matrix=matrix, has_vector=has_vector), seed=0
    ).embedding.weight
    assert torch.equal(weight[3:5], torch.from_numpy(matrix[3:5]))
    assert weight[0].abs().sum() == 0
    assert weight[5].abs().sum() > 0


@pytest.mark.parametrize("architecture", OF_TEXTS)
def test_saved_student_is_the_same_after_loading(architecture, tmp_path):
    tokenizer = build_tokenizer(sentences(100)[0], words_with_vector=())
    shape = small(architecture, words=tokenizer.get_vocab_size())
    module = build_student(shape, vectors=None, seed=0).eval()
    save_student(module, shape, tokenizer, tmp_path)
    loaded = load_student(tmp_path)
    assert (loaded.architecture, loaded.label_names) == (architecture, LABELS)
    batch = torch.from_numpy(loaded.encoder.pad(loaded.encoder.encode(["a lovely film", "dull"]))["input_ids"])
    assert torch.equal(module(batch), loaded.module(batch))


def test_student_of_an_architecture_that_computed_something_else_is_refused(tmp_path):
    tokenizer = build_tokenizer(sentences(100)[0], words_with_vector=())
    shape = small("linear", words=tokenizer.get_vocab_size())
    save_student(build_student(shape, vectors=None, seed=0), shape, tokenizer, tmp_path)
    record = json.loads((tmp_path / "model.json").read_text())
    assert record.pop("student_version") == 2
    (tmp_path / "model.json").write_text(json.dumps(record))
    with pytest.raises(RequestError, match="is a linear of version 1; this distilbench has version 2"):
        load_student(tmp_path)


@pytest.mark.parametrize("hidden", [0, 6])
def test_static_student_is_folded_where_it_has_no_hidden_layer(hidden):
    module = build_student(replace(small("static"), settings={"hidden": hidden}), vectors=None, seed=0).eval()
    texts = torch.nn.functional.pad(numbers(4, 9), (0, 3))
    deployed = module.deployed()
    assert torch.allclose(module(texts), deployed(texts), atol=1e-6)
    assert [tuple(table.shape) for table in deployed.buffers() if table.ndim == 2] == ([(41, 3)] if not hidden else [])


def test_bigrams_of_frequent_words_hardly_share_a_row():
    """Words are numbered from the most frequent: their 90,000 bigrams fill nearly as many rows as chance would."""
    linear = build_student(replace(small("linear"), settings={"buckets": 100_000}), vectors=None, seed=0)
    first, second = np.divmod(np.arange(90_000), 300)
    rows = np.unique((first * linear.factor + second) % 100_000)
    assert len(rows) > 0.95 * 100_000 * (1 - np.exp(-0.9))


@pytest.mark.parametrize("length", [1, 2, 5])
def test_gradients_are_those_of_double_precision(module, length):
    """In the precision in which this processor trains a student, of short texts too."""
    batch, gradients = numbers(64, length), {}
    for precise in (False, True):
        copied = copy.deepcopy(module)
        with torch.autocast("cpu", torch.bfloat16, enabled=module.bf16 and has_bf16("cpu") and not precise):
            logits = (copied.double() if precise else copied)(batch)
        logits.double().square().sum().backward()
        gradients[precise] = {name: weight.grad for name, weight in copied.named_parameters()}
    for name, exact in gradients[True].items():
        gradient = gradients[False][name].to_dense().double()
        assert (gradient - exact.to_dense()).norm() <= 0.05 * exact.to_dense().norm() + 1e-6, name


def test_fasttext_starts_with_small_positive_embeddings_and_an_empty_layer():
    shape = replace(small("linear"), settings={"buckets": 0, "start": "fasttext"})
    module = build_student(shape, vectors=None, seed=0)
    embeddings = module.embedding.weight[1:]
    assert 0 <= embeddings.min() < 0.01
    assert 0.09 < embeddings.max() <= 1 / 10
    assert module.embedding.weight[0].abs().sum() == 0
    assert module(numbers(3, 5)).abs().sum() == 0


def test_small_embeddings_let_a_cnn_start_without_an_opinion():
    spread = {}
    for start in ("normal", "kim"):
        shape = replace(small("cnn"), settings={"start": start}, dimensions=50)
        module = build_student(shape, vectors=None, seed=0).eval()
        spread[start] = module(numbers(64, 20)).std().item()
        assert module.embedding.weight[0].abs().sum() == 0
    assert module.embedding.weight.abs().max() <= 0.25
    assert spread["kim"] < spread["normal"] / 2


def test_linear_without_bigrams_is_the_mean_of_the_words_and_so_is_its_deployed_form():
    module = build_student(replace(small("linear"), settings={"buckets": 0}), vectors=None, seed=0).eval()
    texts = torch.nn.functional.pad(numbers(4, 6), (0, 3))
    expected = module.output(module.embedding.weight[texts[:, :6]].mean(dim=1))
    assert torch.allclose(module(texts), expected, atol=1e-6)
    assert torch.allclose(module.deployed()(texts), expected, atol=1e-6)


def test_vocabulary_keeps_frequent_words_and_words_with_a_vector():
    tokenizer = build_tokenizer(["common common rare", "Common known"], words_with_vector={"known"})
    assert words_of(tokenizer) == ["[PAD]", "[UNK]", "common", "known"]


def test_masked_words_are_words_that_are_not_known(tmp_path):
    texts = without_mask(["a [MASK] film", "a film"] * 3, "[MASK]")
    tokenizer = build_tokenizer(texts, words_with_vector=())
    save_tokenizer(tokenizer, tmp_path)
    encoder = student_encoder(tmp_path / "tokenizer.json", small("cnn"))
    assert words_of(tokenizer) == ["[PAD]", "[UNK]", "a", "film"]
    assert [row.tolist() for row in encoder.encode(texts[:2])] == [[2, 1, 3], [2, 3]]
    assert without_mask(["a [MASK] film"], None) == ["a [MASK] film"]


def test_words_are_cut_as_in_the_treebank():
    tokenizer = build_tokenizer(["x"], words_with_vector={"x"})
    assert list(count_words(tokenizer, ["I don't think it's Café-like, 3.5 stars!"])) == [
        *("i", "do", "n't", "think", "it", "'s", "café", "-", "like", ",", "3", ".", "5", "stars", "!"),
    ]


def test_tokenizer_file_holds_all_that_encoding_needs(tmp_path):
    from tokenizers import Tokenizer

    tokenizer = build_tokenizer(["a lovely film"], words_with_vector={"a", "lovely", "film"})
    save_tokenizer(tokenizer, tmp_path)
    loaded = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert loaded.encode("LOVELY film, unseen").ids == [3, 4, 1, 1]


def image_student(architecture, size=32):
    shape = StudentShape(
        architecture=architecture,
        label_names=LABELS,
        settings={"channels": [4, 8]},
        modality="image",
        image_size=size,
    )
    return shape, build_student(shape, vectors=None, seed=0)


@pytest.mark.parametrize("architecture", OF_IMAGES)
def test_image_student_gives_a_row_an_image_and_its_deployed_form_the_same(architecture):
    _, module = image_student(architecture)
    pixels = torch.randn(5, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    module.train()(pixels)  # so that its normalisations have something to fold
    module.eval()
    assert module(pixels).shape == (5, 3)
    assert torch.allclose(module(pixels), module.deployed()(pixels), atol=1e-5)
    module.train()(pixels).square().sum().backward()
    assert [name for name, weight in module.named_parameters() if weight.grad is None] == []


@pytest.mark.parametrize("architecture", OF_IMAGES)
def test_saved_image_student_is_the_same_after_loading(architecture, tmp_path):
    shape, module = image_student(architecture)
    save_student(module.eval(), shape, None, tmp_path)
    loaded = load_student(tmp_path)
    images = [np.random.default_rng(0).integers(0, 255, size=(40, 30, 3), dtype=np.uint8)]
    pixels = torch.from_numpy(loaded.encoder.pad(loaded.encoder.encode(images))["pixel_values"])
    assert pixels.shape == (1, 3, 32, 32)
    assert torch.equal(module(pixels), loaded.module(pixels))


@pytest.mark.parametrize("architecture", OF_TEXTS)
def test_student_of_pairs_reads_both_texts_with_a_separator_between(architecture, tmp_path):
    pairs = [("a lovely film", "a dull film"), ("a dull film", "a lovely film")] * 3
    tokenizer = build_tokenizer(pairs, words_with_vector=(), modality="pair")
    save_tokenizer(tokenizer, tmp_path)
    shape = replace(small(architecture, words=tokenizer.get_vocab_size()), modality="pair")
    encoder = student_encoder(tmp_path / "tokenizer.json", shape)
    words = words_of(tokenizer)
    assert [words[number] for number in encoder.encode(pairs[:1]).tokens] == [
        *("a", "lovely", "film", "[SEP]", "a", "dull", "film"),
    ]
    module = build_student(shape, vectors=None, seed=0).eval()
    assert module(torch.from_numpy(encoder.pad(encoder.encode(pairs[:2]))["input_ids"])).shape == (2, 3)
    with pytest.raises(RequestError, match="reads pairs of texts, and got an item of another kind"):
        encoder.encode(["one text"])
