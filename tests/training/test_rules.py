"""What the rules promise for any number of rows."""

from hypothesis import given
from hypothesis import strategies as st

from training.rules import batch_size_for, length_for, most_epochs_for, patience_for, teacher_settings

ROWS = st.integers(1, 3_000_000)


@given(ROWS)
def test_an_epoch_is_about_64_steps_as_far_as_batches_may_grow(rows):
    size = batch_size_for(rows)
    assert size in {16, 32, 64, 128}
    if 1_500 <= rows <= 8_000:
        assert 40 <= rows / size <= 100


@given(ROWS)
def test_a_training_by_patience_has_a_cap_in_epochs_and_in_steps(rows):
    size = batch_size_for(rows)
    most, steps_per_epoch = most_epochs_for(rows, size), -(-rows // size)
    assert 4 <= most <= 60
    assert most == 4 or (most - 1) * steps_per_epoch < 12_000
    assert patience_for(rows, size) >= 5
    assert patience_for(rows, size) * steps_per_epoch >= 400


@given(st.integers(300, 200_000))
def test_patience_can_end_a_training_before_its_cap(rows):
    size = batch_size_for(rows)
    assert patience_for(rows, size) < most_epochs_for(rows, size)


def test_few_rows_get_more_patience():
    assert [patience_for(rows, batch_size_for(rows)) for rows in (450, 1_800, 7_200, 60_000)] == [14, 8, 8, 5]


@given(st.lists(st.integers(1, 5_000), min_size=1))
def test_nearly_all_rows_are_read_whole_unless_they_are_longer_than_allowed(lengths):
    length = length_for(lengths, most=256)
    assert length == 256 or (length % 16 == 0 and sum(row <= length for row in lengths) >= 0.95 * len(lengths))


@given(ROWS, st.integers(1, 200))
def test_teacher_gets_more_epochs_for_fewer_rows_and_more_classes(rows, outputs):
    by_rule, of_more_classes = teacher_settings(rows, outputs), teacher_settings(rows, outputs + 50)
    assert 3 <= by_rule["epochs"] <= of_more_classes["epochs"] <= 20
    steps = by_rule["epochs"] * -(-rows // by_rule["batch_size"])
    is_short = steps < 600 + 60 * outputs
    assert by_rule["learning_rate"] == (1e-4 if is_short else 5e-5)
    assert teacher_settings(rows, outputs, epochs=3, batch_size=8) == {"batch_size": 8, "learning_rate": 5e-5}


def test_teacher_epochs_of_usual_sets():
    """Film reviews, eight topics with 2,000 rows, 52 topics, four topics with 500 rows."""
    sizes = [(6_800, 2), (1_800, 8), (5_800, 52), (450, 4)]
    epochs = [teacher_settings(rows, outputs)["epochs"] for rows, outputs in sizes]
    assert epochs == [4, 10, 20, 20]
