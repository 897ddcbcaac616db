"""What the source of a student says of it is what its class says, so that nobody needs torch to read it."""

import inspect
from typing import get_type_hints

import pytest

from students import STUDENTS

SIZES = {"words": 3, "dimensions": 1, "image_size": 8}  # the smallest that a recipe may name


@pytest.mark.parametrize("name", STUDENTS)
def test_source_says_what_the_class_says(name):
    architecture, student_class = STUDENTS[name], STUDENTS[name].student_class
    assert architecture.modalities == student_class.modalities
    assert architecture.is_pretrained == student_class.is_pretrained
    assert architecture.description == inspect.cleandoc(student_class.__doc__)


@pytest.mark.parametrize("name", STUDENTS)
def test_defaults_make_a_student_of_the_smallest_size(name):
    """A recipe that gives no settings is not tried: its defaults must make a student."""
    student_class = STUDENTS[name].student_class
    sizes = {key: SIZES[key] for key in get_type_hints(student_class.__init__) if key in SIZES}
    student_class.check(sizes, {})
