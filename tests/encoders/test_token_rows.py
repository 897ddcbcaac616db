import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from encoders.token_rows import TokenRows

LISTS = st.lists(st.lists(st.integers(0, 99), max_size=6), max_size=12)


def as_lists(rows):
    return [row.tolist() for row in rows]


@given(LISTS)
def test_rows_are_the_lists_they_were_made_of(lists):
    rows = TokenRows.of(lists)
    assert as_lists(rows) == lists
    assert len(rows) == len(lists)
    assert rows.lengths.tolist() == list(map(len, lists))
    assert rows.tokens.dtype == rows.bounds.dtype == np.int64


@given(LISTS, st.data())
def test_rows_are_taken_in_any_order_and_number(lists, data):
    numbers = data.draw(st.lists(st.integers(0, max(0, len(lists) - 1)), max_size=20 if lists else 0))
    chosen_rows = TokenRows.of(lists).take(np.array(numbers, dtype=np.int64))
    assert as_lists(chosen_rows) == [lists[number] for number in numbers]


@given(LISTS, st.slices(12))
def test_slice_is_that_of_a_list(lists, part):
    assert as_lists(TokenRows.of(lists)[part]) == lists[part]


@given(st.lists(LISTS, min_size=1, max_size=4))
def test_parts_are_joined_in_their_order(parts):
    assert as_lists(TokenRows.joined([TokenRows.of(part) for part in parts])) == [row for part in parts for row in part]


@given(LISTS, st.integers(1, 5))
def test_rows_are_cut_and_empty_ones_filled(lists, longest):
    rows = TokenRows.of(lists)
    assert as_lists(rows.cut(longest)) == [row[:longest] for row in lists]
    assert as_lists(rows.without_gaps(7)) == [row or [7] for row in lists]


@given(st.lists(st.lists(st.integers(0, 9), max_size=5), max_size=6), st.lists(st.integers(10, 12), max_size=3))
def test_tokens_are_put_before_and_after_each_row(rows, around):
    before, after = around[:1], around[1:]
    assert [row.tolist() for row in TokenRows.of(rows).between(before, after)] == [
        [*before, *row, *after] for row in rows
    ]
