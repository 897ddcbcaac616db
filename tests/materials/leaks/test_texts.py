"""Near-duplicates of texts are found, and no others."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_near import made_up_texts, nearly

from materials.leaks.nearest import NONE, fingerprints_of, nearest
from materials.leaks.word_sets import WordSets
from materials.report import silent


def near(items, others, modality="text"):
    return nearest(*(fingerprints_of(each, modality, silent) for each in (items, others)))


def jaccard(text, other):
    """The definition: pairs of words that follow each other, both ends counted as words."""
    sets = [set(zip(["", *words], [*words, ""], strict=True)) for words in (text.split(), other.split())]
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


def test_planted_near_duplicates_are_found_and_texts_far_apart_are_not():
    test, train = made_up_texts(1000), made_up_texts(9000, seed=1)
    planted = [nearly(text, number) for number, text in enumerate(test[:500])]
    found = near(test, train[:4000] + planted + train[4000:])
    assert (found.numbers[:500] == np.arange(4000, 4500)).mean() >= 0.99
    assert (found.numbers[500:] == NONE).all()


def test_similarity_is_that_of_jaccard_by_its_definition():
    text, other = "a b c d e f g h i j", "a b c x e f g h i j"
    assert jaccard(text, other) == pytest.approx(9 / 13)
    found = near([text], [other])
    assert found.similarity[0] == pytest.approx(9 / 13)
    assert found.numbers.tolist() == [0]


@pytest.mark.parametrize(
    ("other", "is_near"),
    [
        ("It was a long and rainy day in the old harbour town", True),  # capitals
        ("it was a long and rainy day in the old harbour city", True),  # one word of eleven
        ("it was a short and sunny day in the new harbour town", False),  # three of them
        ("a completely different sentence about the harbour town", False),
    ],
)
def test_one_word_in_eight_may_differ(other, is_near):
    found = near(["it was a long and rainy day in the old harbour town"], [other])
    assert (found.numbers[0] != NONE) == is_near


def test_scripts_without_spaces_are_compared_letter_by_letter():
    found = near(["今天天气很好我们去公园散步吧", "明年我打算学习日语和法语"], ["今天天气真好我们去公园散步吧"])
    assert found.numbers.tolist() == [0, NONE]


def test_both_texts_of_a_pair_must_be_near():
    premise, hypothesis = "a man walks his old dog in the park on a sunny day", "he is walking"
    pairs = [(premise, hypothesis), (premise, "a cat sleeps"), ("another premise", hypothesis)]
    found = near(pairs, [(premise.replace("old", "big"), hypothesis)], "pair")
    assert found.numbers.tolist() == [0, NONE, NONE]


def test_no_row_is_its_own_near_duplicate():
    texts = made_up_texts(50)
    fingerprints = fingerprints_of([*texts, nearly(texts[7], 0)], "text", silent)
    found = nearest(fingerprints, fingerprints)
    assert found.rows.tolist() == [7, 50]
    assert found.numbers[[7, 50]].tolist() == [50, 7]


def test_closest_pairs_come_first():
    text = "one two three four five six seven eight nine ten eleven twelve"
    texts = [text.replace("two three", "x y"), text.replace("two", "x"), text]
    assert near(texts, [text]).closest.tolist() == [2, 1, 0]


def test_ten_thousand_texts_of_one_form_are_compared_in_bounded_memory():
    texts = [
        f"the weather in town {number % 100} is fine on day {number // 100} of the year" for number in range(10_000)
    ]
    found = near(texts[:200], texts[200:])
    assert len(found.rows) == 200


@pytest.mark.parametrize("modality", ["text", "pair", "image"])
def test_no_rows_have_no_near_duplicates(modality):
    assert len(near([], [], modality).rows) == 0


def test_fewer_rows_are_the_same_rows_by_other_numbers():
    texts = made_up_texts(20)
    whole = fingerprints_of(texts, "text", silent)
    part, alone = whole.take(np.array([7, 3])), fingerprints_of([texts[7], texts[3]], "text", silent)
    assert isinstance(part, WordSets)
    assert isinstance(alone, WordSets)
    assert [part.shingles.tolist(), part.starts.tolist()] == [alone.shingles.tolist(), alone.starts.tolist()]
    assert (part.keys == alone.keys).all()


@settings(max_examples=20, deadline=None)
@given(st.lists(st.text(max_size=20), max_size=12))
def test_any_text_is_taken_and_equal_ones_are_near(texts):
    found = near(texts, texts)
    assert found.similarity.tolist() == [1.0] * len(texts)
