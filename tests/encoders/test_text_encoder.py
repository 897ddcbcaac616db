from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encoders.encoder import Shape
from encoders.graph_input import ATTENTION_MASK, INPUT_IDS, GraphInput
from encoders.text_encoder import TextEncoder
from encoders.token_rows import TokenRows
from training.examples import bucketed_batches


@pytest.fixture(scope="module")
def encoder(tiny_bert):
    inputs = (INPUT_IDS, ATTENTION_MASK)
    return TextEncoder.load(tiny_bert / "tokenizer.json", max_length_tokens=16, padding=0, inputs=inputs)


def test_batch_is_padded_to_its_longest_text_only(encoder):
    arrays = encoder.pad(TokenRows.of([[5, 6, 7], [8]]))
    assert arrays["input_ids"].tolist() == [[5, 6, 7], [8, 0, 0]]
    assert arrays["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]


@given(st.lists(st.lists(st.integers(1, 99), min_size=1, max_size=9), min_size=1, max_size=9), st.integers(0, 12))
def test_padded_arrays_are_those_of_a_loop_over_rows(lists, more):
    width = max(map(len, lists)) + more
    inputs = tuple(GraphInput(name=name) for name in ("attention_mask", "input_ids", "token_type_ids"))
    encoder = TextEncoder(tokenizer=None, max_length_tokens=99, padding=3, inputs=inputs)
    arrays = encoder.pad(TokenRows.of(lists), length=width if more else None)
    assert list(arrays) == [graph_input.name for graph_input in inputs]
    assert all(array.dtype == np.int64 for array in arrays.values())
    assert arrays["input_ids"].tolist() == [tokens + [3] * (width - len(tokens)) for tokens in lists]
    assert arrays["attention_mask"].tolist() == [[1] * len(tokens) + [0] * (width - len(tokens)) for tokens in lists]
    assert arrays["token_type_ids"].tolist() == [[0] * width for _ in lists]


def test_examples_have_the_shapes_that_parity_asks_for(encoder):
    shapes = encoder.shapes()
    assert {shape.batch for shape in shapes} == {1, 2, 7, 64}
    assert {shape.length for shape in shapes} == {2, 3, 16}  # an empty text has two tokens
    rows = encoder.encode(["a lovely film", "dull"])
    for shape in shapes:
        for arrays in (encoder.example(shape), encoder.example(shape, rows=rows)):
            assert {array.shape for array in arrays.values()} == {(shape.batch, shape.length)}


@pytest.mark.parametrize("longest", [100, 128, 512, 4096])
def test_no_shape_but_the_longest_row_has_more_tokens_than_64_short_rows(encoder, longest):
    shapes = replace(encoder, max_length_tokens=longest).shapes()
    sizes = [shape.batch * shape.length for shape in shapes]
    assert max(sizes) == max(64 * 17, longest)
    assert {shape.batch for shape in shapes if shape.length == longest} == ({7, 1} if longest <= 128 else {1})


def test_rows_of_older_bundles_are_as_they_were(encoder):
    encoder = replace(encoder, max_length_tokens=512, made_up_rows="by-number")
    assert {shape.batch for shape in encoder.shapes() if shape.length == 512} == {1, 2, 7}
    assert {shape.length for shape in encoder.shapes() if shape.batch == 64} == {1, 2, 17}
    assert encoder.example(Shape(batch=2, length=4))["input_ids"].tolist() == [[1, 2, 3, 4], [5, 6, 0, 0]]


def test_saved_file_is_the_one_that_was_read(encoder, tiny_bert, tmp_path):
    encoder.save(tmp_path)
    assert (tmp_path / "tokenizer.json").read_bytes() == (tiny_bert / "tokenizer.json").read_bytes()
    with pytest.raises(ValueError, match="was not read from a tokenizer.json"):
        TextEncoder(tokenizer=None, max_length_tokens=9, padding=0, inputs=(INPUT_IDS,)).save(tmp_path)


def test_row_longer_than_the_asked_length_is_refused(encoder):
    with pytest.raises(ValueError, match="cannot assign"):
        encoder.pad(TokenRows.of([[5, 6, 7], [8]]), length=2)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=60), st.integers(1, 70))
def test_batches_hold_each_row_once_by_length(lengths, batch_size):
    encoder = TextEncoder(tokenizer=None, max_length_tokens=99, padding=0, inputs=(INPUT_IDS,))
    rows = TokenRows.of([[number + 1] * length for number, length in enumerate(lengths)])
    batches = list(encoder.batches(rows, batch_size))
    assert sorted(np.concatenate([numbers for numbers, _ in batches]).tolist()) == list(range(len(lengths)))
    for numbers, arrays in batches:
        assert arrays["input_ids"].max(axis=1).tolist() == (numbers + 1).tolist()
        assert arrays["input_ids"].shape[1] == max(lengths[number] for number in numbers)
    expected = list(bucketed_batches(rows.lengths, batch_size, None))
    assert [sorted(numbers) for numbers, _ in batches] == [sorted(numbers) for numbers in expected]


def test_long_texts_are_cut(encoder):
    (tokens,) = encoder.encode(["film " * 20_000])
    assert len(tokens) == 16


def test_text_without_words_still_has_a_token(encoder):
    assert encoder.encode(["", "  ", "\n"]).lengths.min() > 0


@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=300), st.integers(1, 40), st.one_of(st.none(), st.integers(0, 9))
)
def test_every_row_is_in_exactly_one_batch(lengths, batch_size, seed):
    batches = list(bucketed_batches(np.array(lengths), batch_size, seed))
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    assert max(map(len, batches)) <= batch_size


def test_buckets_hold_rows_of_about_equal_length():
    lengths = np.random.default_rng(0).integers(1, 60, size=2000)
    padded = sum(lengths[batch].max() * len(batch) for batch in bucketed_batches(lengths, 32, 1))
    assert padded < 1.1 * lengths.sum()


def test_seed_decides_the_order():
    lengths = np.arange(100)
    first, again, other = (np.concatenate(list(bucketed_batches(lengths, 8, seed))).tolist() for seed in (1, 1, 2))
    assert first == again != other


def test_seeded_batches_are_the_same_in_every_version():
    batches = bucketed_batches(np.arange(300) * 7 % 11, 2, 5)
    assert [batch.tolist() for batch in batches][:4] == [[119, 295], [290, 114], [230, 76], [189, 164]]
