import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from materials.rows import Rows
from materials.splits.balance import at_most, fewer
from materials.tasks.single_label import SingleLabel


@given(st.lists(st.integers(0, 4), max_size=200), st.floats(1, 5), st.integers(0, 3))
def test_no_class_has_more_than_so_many_times_the_rarest(labels, times, seed):
    labels = np.array(labels, dtype=np.int64)
    kept_rows = at_most(labels, times, seed=seed)
    assert sorted(set(kept_rows)) == kept_rows.tolist()
    before, after = (np.bincount(rows, minlength=5) for rows in (labels, labels[kept_rows]))
    rarest = min((count for count in before if count), default=0)
    assert after.tolist() == [min(count, int(times * rarest)) for count in before]
    assert kept_rows.tolist() == at_most(labels, times, seed=seed).tolist()


@given(st.lists(st.integers(0, 4), min_size=1, max_size=200), st.integers(1, 220), st.integers(0, 3))
def test_fewer_rows_are_drawn_with_the_first_of_every_class(labels, count, seed):
    items = [f"text {number}" for number in range(len(labels))]
    rows = Rows(items=items, targets=np.array(labels, dtype=np.int64))
    kept, others = fewer(rows, count, SingleLabel(), seed)
    assert sorted([*kept.items, *others]) == sorted(items)
    assert len(kept) == min(count, len(rows))
    before, after = (np.bincount(targets, minlength=5) for targets in (rows.targets, kept.targets))
    if count >= np.minimum(before, 3).sum():
        assert (after >= np.minimum(before, 3)).all()
    again = fewer(rows, count, SingleLabel(), seed)
    assert (kept.items, others) == (again[0].items, again[1])
