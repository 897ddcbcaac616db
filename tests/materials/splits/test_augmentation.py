from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from materials.splits.augmentation import Augmentation, augmented

TEXTS = ["the good film ends", "the bad film ends", "the bad film ends", "a good day, isn't it?"]


def make(texts, seed=0, **changes):
    usual = {"copies": 1, "mask_share": 0.0, "replaced_share": 0.0, "ngram_share": 0.0, "mask_token": "[MASK]"}
    return augmented(texts, Augmentation(**{**usual, **changes}), seed)


def test_without_any_share_a_copy_is_its_text_cut_at_words_and_signs():
    assert make(TEXTS, copies=2) == [*TEXTS[:3], "a good day , isn't it ?"] * 2


def test_words_are_masked_and_signs_are_not():
    assert make(["Rain , rain !"], mask_share=1.0) == ["[MASK] , [MASK] !"]


def test_share_of_masked_words_is_as_asked_for():
    words = " ".join(make(["one two three four five six seven eight nine ten"], copies=500, mask_share=0.1)).split()
    assert Counter(words)["[MASK]"] / len(words) == pytest.approx(0.1, abs=0.02)


def test_word_is_replaced_by_those_between_the_same_neighbours_as_often_as_they_stand_there():
    copies = make(TEXTS[:3], copies=1000, replaced_share=1.0)
    assert set(copies) == {"the good film ends", "the bad film ends"}
    assert Counter(copies)["the bad film ends"] / len(copies) == pytest.approx(2 / 3, abs=0.03)


def test_neighbours_are_the_same_in_any_case_and_at_the_start_and_end_of_a_text():
    assert set(make(["We won", "they Won"], copies=50, replaced_share=1.0)) == {
        *("We won", "We Won", "they won", "they Won")
    }


def test_word_alone_in_its_frame_stays():
    assert make(["an odd text of its own"], copies=20, replaced_share=1.0) == ["an odd text of its own"] * 20


def test_short_copies_are_one_to_five_words_in_a_row():
    text = "one two three four five six seven"
    copies = make([text], copies=400, ngram_share=1.0)
    assert {len(copy.split()) for copy in copies} == {1, 2, 3, 4, 5}
    assert all(f" {copy} " in f" {text} " for copy in copies)
    assert {copy.split()[0] for copy in copies} == set(text.split())


def test_seed_decides_what_is_made():
    shares = {"copies": 5, "mask_share": 0.3, "replaced_share": 0.3, "ngram_share": 0.3}
    assert make(TEXTS, **shares) == make(TEXTS, **shares) != make(TEXTS, seed=1, **shares)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=20), max_size=12), st.integers(0, 3))
def test_any_texts_give_as_many_copies_of_no_more_words(texts, seed):
    copies = make(texts, seed=seed, copies=3, mask_share=0.3, replaced_share=0.5, ngram_share=0.5, mask_token="M")
    whole = make(texts)
    assert len(copies) == 3 * len(texts)
    for number, copy in enumerate(copies):
        assert len(copy.split()) <= len(whole[number % len(texts)].split())
