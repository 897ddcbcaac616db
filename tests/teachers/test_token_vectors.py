"""Vectors of tokens out of a pretrained body."""

import numpy as np
import pytest
from tokenizers import Tokenizer

from materials.errors import RequestError
from students.vocabulary import build_tokenizer, words_of
from teachers.token_vectors import principal_components, token_vectors, weights_by_frequency


def vectors_of(weights, words=None, dimensions=4):
    return token_vectors(weights, words, dimensions=dimensions, report=lambda done, total: None)


@pytest.fixture(scope="module")
def body_tokenizer(tiny_bert):
    return Tokenizer.from_file(str(tiny_bert / "tokenizer.json"))


def test_every_token_of_the_body_has_a_vector_of_the_asked_width(tiny_bert, body_tokenizer):
    vectors = vectors_of(tiny_bert)
    assert vectors.shape == (max(body_tokenizer.get_vocab().values()) + 1, 4)
    assert vectors.dtype == np.float32
    assert vectors.std() == pytest.approx(1, abs=1e-3)
    assert np.array_equal(vectors, vectors_of(tiny_bert))


def test_directions_come_by_falling_width(tiny_bert):
    widths = vectors_of(tiny_bert, dimensions=8).std(axis=0)
    assert (np.diff(widths) < 0.05 * widths[0]).all()  # weights by frequency may turn over near neighbours


def test_words_of_a_student_go_through_the_body_as_the_pieces_they_are(tiny_bert):
    words = build_tokenizer(["good bad good bad"], words_with_vector=())
    assert set(words_of(words)) == {"[PAD]", "[UNK]", "good", "bad"}
    vectors = vectors_of(tiny_bert, words_of(words), dimensions=2)
    assert vectors.shape == (4, 2)
    assert not np.allclose(vectors[2], vectors[3])


def test_a_body_narrower_than_asked_is_refused(tiny_bert):
    with pytest.raises(RequestError, match=r"dimensions is 4096, but the teacher's vectors have \d+; lower it"):
        vectors_of(tiny_bert, dimensions=4096)


def test_principal_components_and_weights_are_those_of_the_formulas():
    """Four points on a line through (1, 1) and a little beside it: the first direction is the line's."""
    states = np.array([[3, 3], [-3, -3], [1, 1.2], [-1, -1.2]], dtype=np.float32)
    components = principal_components(states, 1)
    assert components[:, 0] == pytest.approx([4.2426, -4.2426, 1.5546, -1.5546], abs=0.02)
    shares = np.array([1 / 2, 1 / 3, 1 / 4]) / (1 / 2 + 1 / 3 + 1 / 4)
    assert weights_by_frequency(3) == pytest.approx(1e-4 / (1e-4 + shares))
