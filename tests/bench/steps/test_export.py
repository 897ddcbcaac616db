"""Rows to calibrate and judge on come from all over; a format that is only emulated is not made."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.recipe.file import read_recipe
from bench.steps.export import impossible_files, possible_formats, spread_out
from materials.errors import RequestError
from materials.rows import Rows


def sorted_rows(count):
    """Rows sorted by class, a hundredth of them of the last one."""
    targets = (np.arange(count) >= count * 0.99).astype(int)
    return Rows(items=[f"row {number}" for number in range(count)], targets=targets)


@given(st.integers(1, 400), st.integers(1, 400))
def test_rows_are_as_many_as_asked_for_and_no_row_comes_twice(count, wanted):
    rows = spread_out(sorted_rows(count), wanted)
    assert len(rows) == min(count, wanted)
    assert len(set(rows.items)) == len(rows)


def test_both_ends_of_a_sorted_file_are_among_them():
    assert set(spread_out(sorted_rows(10_000), 300).targets.tolist()) == {0, 1}


def test_the_first_of_them_are_from_all_over_too():
    numbers = [int(item.split()[1]) for item in spread_out(sorted_rows(10_000), 300).items[:50]]
    assert min(numbers) < 1000
    assert max(numbers) > 9000


@pytest.mark.parametrize("has_bf16", [True, False])
def test_bf16_is_made_where_the_machine_has_it_and_a_run_says_where_not(monkeypatch, has_bf16):
    monkeypatch.setattr("training.precision.has_bf16", lambda device: has_bf16)
    recipe = read_recipe("own", ["teacher.formats=[eager, eager-bf16, onnx]"])
    formats = possible_formats(recipe, recipe.teacher.architecture, recipe.teacher.formats)
    assert formats == (["eager", "eager-bf16", "onnx"] if has_bf16 else ["eager", "onnx"])
    sentence = "transformer as eager-bf16: no bfloat16 was found in hardware here, and emulating it is slow"
    assert impossible_files(recipe) == ([] if has_bf16 else [sentence])


def test_bf16_is_made_for_the_gpu_that_labels(monkeypatch):
    monkeypatch.setattr("training.precision.has_bf16", lambda device: device == "cuda")
    recipe = read_recipe("own", ["teacher.formats=[eager, eager-bf16]", "training_device=cuda"])
    assert impossible_files(recipe) == []


def test_students_of_which_no_file_can_be_made_are_refused(monkeypatch):
    monkeypatch.setattr("training.precision.has_bf16", lambda device: False)
    with pytest.raises(RequestError, match=r"none of the formats eager-bf16 can be made of linear here; .*emulating"):
        impossible_files(read_recipe("own", ["formats=[eager-bf16]"]))


def test_a_recipe_without_bf16_has_nothing_that_is_impossible():
    assert impossible_files(read_recipe("own")) == []
