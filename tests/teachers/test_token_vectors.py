"""Vectors of tokens out of a pretrained body."""

import numpy as np
import pytest
from tokenizers import Tokenizer

from materials.errors import RequestError
from students.vocabulary import build_tokenizer, words_of
from teachers.token_vectors import token_vectors


def vectors_of(weights, tokenizer, *, own_tokens, dimensions=4):
    return token_vectors(
        weights, tokenizer, own_tokens=own_tokens, dimensions=dimensions, report=lambda done, total: None
    )


@pytest.fixture(scope="module")
def body_tokenizer(tiny_bert):
    return Tokenizer.from_file(str(tiny_bert / "tokenizer.json"))


def test_every_token_of_the_body_has_a_vector_of_the_asked_width(tiny_bert, body_tokenizer):
    vectors = vectors_of(tiny_bert, body_tokenizer, own_tokens=True)
    assert vectors.shape == (max(body_tokenizer.get_vocab().values()) + 1, 4)
    assert vectors.dtype == np.float32
    assert vectors.std() == pytest.approx(1, abs=1e-3)
    assert np.array_equal(vectors, vectors_of(tiny_bert, body_tokenizer, own_tokens=True))


def test_directions_come_by_falling_width(tiny_bert, body_tokenizer):
    widths = vectors_of(tiny_bert, body_tokenizer, own_tokens=True, dimensions=8).std(axis=0)
    assert (np.diff(widths) < 0.05 * widths[0]).all()  # weights by frequency may turn over near neighbours


def test_words_of_a_student_go_through_the_body_as_the_pieces_they_are(tiny_bert, body_tokenizer):
    words = build_tokenizer(["good bad good bad"], words_with_vector=())
    assert set(words_of(words)) == {"[PAD]", "[UNK]", "good", "bad"}
    vectors = vectors_of(tiny_bert, words, own_tokens=False, dimensions=2)
    assert vectors.shape == (4, 2)
    assert not np.allclose(vectors[2], vectors[3])


def test_a_body_narrower_than_asked_is_refused(tiny_bert, body_tokenizer):
    with pytest.raises(RequestError, match=r"dimensions is 4096, but the teacher's vectors have \d+; lower it"):
        vectors_of(tiny_bert, body_tokenizer, own_tokens=True, dimensions=4096)
