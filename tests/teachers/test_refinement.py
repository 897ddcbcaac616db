"""Moving a zero-shot teacher to where unlabelled texts lie."""

import numpy as np
import pytest

from materials.errors import RequestError
from materials.tasks.single_label import softmax
from teachers.refinement import REFINEMENTS, refined

CLASSES, WIDTH = 4, 24


def clustered(rows, *, seed, shares=(0.4, 0.3, 0.2, 0.1)):
    """Embeddings of length 1 about four centres, their classes, and directions that miss the centres by half."""
    draw = np.random.default_rng(seed)
    centres = draw.normal(size=(CLASSES, WIDTH))
    classes = draw.choice(CLASSES, size=rows, p=shares)
    embeddings = centres[classes] + 0.6 * draw.normal(size=(rows, WIDTH))
    directions = centres + 1.1 * draw.normal(size=(CLASSES, WIDTH))
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return embeddings.astype(np.float32), classes, (20 * directions).astype(np.float32)


def accuracy(embeddings, classes, weight, bias):
    return float(((embeddings @ weight.T + bias).argmax(axis=1) == classes).mean())


@pytest.mark.parametrize("name", REFINEMENTS)
@pytest.mark.parametrize("seed", range(3))
def test_refining_finds_the_clusters_of_texts_that_it_was_not_shown(name, seed):
    embeddings, classes, directions = clustered(1_200, seed=seed)
    weight, bias = refined(embeddings[:800], softmax(embeddings[:800] @ directions.T), name)
    before = accuracy(embeddings[800:], classes[800:], directions, 0)
    after = accuracy(embeddings[800:], classes[800:], weight, bias)
    assert after > 0.95
    assert after >= before


@pytest.mark.parametrize("name", REFINEMENTS)
def test_answers_for_some_rows_are_enough_to_start_from(name):
    embeddings, classes, directions = clustered(1_200, seed=1)
    weight, bias = refined(embeddings, softmax(embeddings[:150] @ directions.T), name)
    assert accuracy(embeddings, classes, weight, bias) > 0.95


@pytest.mark.parametrize("name", REFINEMENTS)
def test_refining_gives_the_same_twice(name):
    embeddings, _, directions = clustered(300, seed=0)
    first, second = (refined(embeddings, softmax(embeddings @ directions.T), name) for _ in range(2))
    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])


def test_class_that_no_text_is_given_is_refused():
    embeddings, _, directions = clustered(300, seed=0)
    directions[2] = directions[1]
    with pytest.raises(RequestError, match="class number 3 to 0 of 300 texts"):
        refined(embeddings, softmax(embeddings @ directions.T), "gaussian-mixture")
