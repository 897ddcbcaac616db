"""Rows look alike to all who learn from them in the same epoch, and the teacher speaks of what is seen."""

import numpy as np

from encoders.pictures import Drawing, Pictures
from training.examples import Examples, ViewedExamples
from training.outputs import Outputs

PIXELS = np.random.default_rng(0).integers(0, 256, size=(4, 6, 6, 3), dtype=np.uint8)
PICTURES = Pictures(pixels=PIXELS, numbers=np.arange(4), keys=np.arange(4, dtype=np.uint32))
VIEWS = np.arange(4 * 3 * 2, dtype=np.float32).reshape(4, 3, 2)  # rows, views, outputs


def viewed(**settings):
    return ViewedExamples(encoded=PICTURES, targets=np.zeros(4, dtype=np.int64), drawing=Drawing(), **settings)


def test_rows_without_views_look_the_same_in_every_epoch():
    examples = Examples(encoded=PICTURES, targets=np.zeros(4))
    assert examples.at(1) is examples.at(7) is examples


def test_teacher_speaks_of_the_very_views_that_are_seen():
    examples = viewed(views=3, teacher_views=VIEWS)
    for epoch in (1, 2, 3, 4):
        now = examples.at(epoch)
        expected = [VIEWS[row, view] for row, view in enumerate(now.encoded.views)]
        assert np.array_equal(now.teacher_outputs(np.arange(4)).logits, expected)
    assert examples.at(1).encoded.views.tolist() == [0, 1, 2, 0]


def test_each_row_goes_through_all_views_in_as_many_epochs():
    seen = np.stack([viewed(views=3, teacher_views=VIEWS).at(epoch).encoded.views for epoch in (1, 2, 3)])
    assert [sorted(column) for column in seen.T] == [[0, 1, 2]] * 4


def test_student_alone_sees_what_the_distilled_one_sees():
    """In the same epoch, pixel by pixel, whether or not there is a teacher."""
    alone = viewed(views=3, teacher=Outputs(logits=VIEWS[:, 0])).at(2)
    distilled = viewed(views=3, teacher=Outputs(logits=VIEWS[:, 0]), teacher_views=VIEWS).at(2)
    assert np.array_equal(alone.encoded.shown(), distilled.encoded.shown())


def test_without_a_number_of_views_every_epoch_has_its_own():
    first, second = viewed().at(1).encoded.shown(), viewed().at(2).encoded.shown()
    assert not np.array_equal(first, second)
    assert np.array_equal(first, viewed().at(1).encoded.shown())
