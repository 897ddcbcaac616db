import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from materials.splits.balance import at_most


@given(st.lists(st.integers(0, 4), max_size=200), st.floats(1, 5), st.integers(0, 3))
def test_no_class_has_more_than_so_many_times_the_rarest(labels, times, seed):
    labels = np.array(labels, dtype=np.int64)
    kept_rows = at_most(labels, times, seed=seed)
    assert sorted(set(kept_rows)) == kept_rows.tolist()
    before, after = (np.bincount(rows, minlength=5) for rows in (labels, labels[kept_rows]))
    rarest = min((count for count in before if count), default=0)
    assert after.tolist() == [min(count, int(times * rarest)) for count in before]
    assert kept_rows.tolist() == at_most(labels, times, seed=seed).tolist()
