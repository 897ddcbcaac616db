import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from encoders.word_table import UNSETTLED, word_tables

WORDS = st.text(st.characters(min_codepoint=1, max_codepoint=255), min_size=1, max_size=16)


def keys(words):
    return np.array([word.encode("latin-1") for word in words], dtype="S16").view("<u8").reshape(-1, 2).T


@given(st.lists(WORDS, unique=True, max_size=200), st.lists(WORDS, max_size=50))
def test_found_numbers_are_right_or_unsettled(known_words, other_words):
    vocabulary = {word: number for number, word in enumerate(known_words, start=5)}
    short, long = word_tables({word.encode("latin-1"): number for word, number in vocabulary.items()}, unknown=1)
    all_words = [*known_words, *other_words]
    for table, words in (
        (short, [word for word in all_words if len(word) <= 8]),
        (long, [word for word in all_words if len(word) > 8]),
    ):
        numbers = table.find(keys(words)[: len(table.keys)])
        expected = np.array([vocabulary.get(word, 1) for word in words], dtype=np.int64)
        settled = numbers != UNSETTLED
        assert (numbers == expected)[settled].all()


def test_nearly_all_words_are_settled_and_the_lowest_numbers_first():
    words = [f"w{number * 7919 % 100_003}" for number in range(20_000)]
    short, _ = word_tables({word.encode(): number for number, word in enumerate(words)}, unknown=1)
    unsettled = np.flatnonzero(short.find(keys(words)[:1]) == UNSETTLED)
    assert len(unsettled) < 0.1 * len(words)
    assert (unsettled < 5_000).sum() < 0.5 * (unsettled >= 15_000).sum()
    assert 0 not in unsettled


def test_words_that_do_not_fit_are_left_out():
    vocabulary = {b"": 0, b"\0": 1, b"a\0": 2, b"seventeen letters": 4, b"film": 5}
    short, long = word_tables(vocabulary, unknown=9)
    assert short.find(keys(["film", "a", "seventeen"])[:1]).tolist() == [5, 9, 9]
    assert short.find(np.zeros((1, 1), dtype=np.uint64)).tolist() == [UNSETTLED]
    assert not (long.numbers >= 0).any()
