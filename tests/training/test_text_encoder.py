import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.graph_input import ATTENTION_MASK, INPUT_IDS
from training.text_encoder import TextEncoder, bucketed_batches


@pytest.fixture(scope="module")
def encoder(tiny_bert):
    inputs = (INPUT_IDS, ATTENTION_MASK)
    return TextEncoder.load(tiny_bert / "tokenizer.json", max_length_tokens=16, padding=0, inputs=inputs)


def test_batch_is_padded_to_its_longest_text_only(encoder):
    arrays = encoder.pad([[5, 6, 7], [8]])
    assert arrays["input_ids"].tolist() == [[5, 6, 7], [8, 0, 0]]
    assert arrays["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]


def test_long_texts_are_cut(encoder):
    (tokens,) = encoder.encode(["film " * 20_000])
    assert len(tokens) == 16


def test_text_without_words_still_has_a_token(encoder):
    assert all(encoder.encode(["", "  ", "\n"]))


@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=300), st.integers(1, 40), st.one_of(st.none(), st.integers(0, 9))
)
def test_every_row_is_in_exactly_one_batch(lengths, batch_size, seed):
    batches = list(bucketed_batches(lengths, batch_size, seed))
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    assert max(map(len, batches)) <= batch_size


def test_buckets_hold_rows_of_about_equal_length():
    lengths = np.random.default_rng(0).integers(1, 60, size=2000)
    padded = sum(lengths[batch].max() * len(batch) for batch in bucketed_batches(lengths, 32, 1))
    assert padded < 1.1 * lengths.sum()


def test_seed_decides_the_order():
    lengths = list(range(100))
    first, again, other = (np.concatenate(list(bucketed_batches(lengths, 8, seed))).tolist() for seed in (1, 1, 2))
    assert first == again != other
