from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from materials.splits.augmentation import Augmentation, augmented, copies_for

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


def test_parts_are_words_in_a_row_between_a_tenth_and_eight_tenths():
    text = " ".join(f"w{number}" for number in range(20))
    parts = make([text], copies=400, part_share=1.0)
    assert {len(part.split()) for part in parts} == set(range(2, 17))
    assert all(f" {part} " in f" {text} " for part in parts)


def test_mixed_texts_are_a_part_of_each_text_and_one_of_another():
    texts = [" ".join(f"{letter}{number}" for number in range(10)) for letter in "abcd"]
    copies = make(texts, copies=200, mixed_share=1.0)
    partners = Counter()
    for number, copy in enumerate(copies):
        first, second = ([word for word in copy.split() if (word[0] == "abcd"[number % 4]) is own] for own in (1, 0))
        if second:  # else the other part is of the same text
            assert f"{' '.join(first)} {' '.join(second)}" == copy
            assert {len(first), len(second)} <= {3, 4, 5, 6, 7}
            assert any(" ".join(second) in text for text in texts)
        partners[second[0][0] if second else "abcd"[number % 4]] += 1
    assert min(partners.values()) > 100


def test_parts_mixed_texts_and_plain_copies_come_as_often_as_asked():
    texts = [f"{letter}1 {letter}2 {letter}3 {letter}4" for letter in "abcdefgh"]
    copies = make(texts, copies=100, part_share=0.25, mixed_share=0.5)
    kinds = Counter(
        "whole" if copy in texts else "mixed" if len({word[0] for word in copy.split()}) > 1 else "rest"
        for copy in copies
    )
    assert kinds["whole"] / len(copies) == pytest.approx(0.25, abs=0.05)
    assert kinds["mixed"] / len(copies) == pytest.approx(0.5 * 7 / 8, abs=0.05)


def test_without_a_number_copies_are_about_ten_thousand_and_none_where_a_class_is_rare():
    assert [copies_for(texts, 30) for texts in (60, 450, 1_800, 7_200, 60_000)] == [20, 20, 6, 1, 1]
    assert [copies_for(1_800, rarest) for rarest in (29, 1)] == [0, 0]
    assert copies_for(450, None) == 20
    assert len(make(["a b", "c d"], copies=None, part_share=1.0)) == 40


def test_seed_decides_what_is_made():
    shares = {"copies": 5, "mask_share": 0.3, "replaced_share": 0.3, "ngram_share": 0.3}
    shares |= {"part_share": 0.3, "mixed_share": 0.3}
    assert make(TEXTS, **shares) == make(TEXTS, **shares) != make(TEXTS, seed=1, **shares)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=20), max_size=12), st.integers(0, 3))
def test_any_texts_give_as_many_copies_of_no_more_words(texts, seed):
    copies = make(
        texts, seed=seed, copies=3, mask_share=0.3, replaced_share=0.5, ngram_share=0.5, part_share=0.5, mask_token="M"
    )
    whole = make(texts)
    assert len(copies) == 3 * len(texts)
    for number, copy in enumerate(copies):
        assert len(copy.split()) <= len(whole[number % len(texts)].split())
