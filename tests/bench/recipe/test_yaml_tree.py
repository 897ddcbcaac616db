"""YAML is read at a cost of its size, and what it cannot mean is one sentence."""

import time

import pytest

from bench.recipe.file import read_recipe, recipe_names
from bench.recipe.yaml_tree import read_yaml
from materials.errors import RequestError

LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n"
    for before, name in zip("abcdefghi", "bcdefghij", strict=True)
)
MERGES = "a: &a {x: 1}\n" + "".join(
    f"{name}: &{name} {{<<: [{', '.join([f'*{before}'] * 20)}]}}\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


def refusal(tmp_path, text, read=read_yaml):
    file = tmp_path / "recipe.yaml"
    file.write_text(text)
    began = time.monotonic()
    with pytest.raises(RequestError) as caught:
        read(file if read is read_yaml else str(file))
    assert time.monotonic() - began < 5
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("text", [LAUGHS, MERGES], ids=["laughs", "merges"])
def test_few_lines_that_mean_billions_of_values_are_refused_at_once(tmp_path, text):
    assert "stands for more than 100,000 values, which its aliases repeat" in refusal(tmp_path, text)


@pytest.mark.parametrize("text", ["a: &a [*a]", "a: &a {b: *a}", "[" * 100, "a: " + "[" * 100 + "]" * 100])
def test_tree_without_an_end_is_refused(tmp_path, text):
    assert "nested too deeply" in refusal(tmp_path, text) or "is no YAML" in refusal(tmp_path, text)


@pytest.mark.parametrize(
    "text",
    [
        *("a: 2001-99-99", f"a: {'9' * 5000}", "!!python/object/apply:os.system [true]", "a: !!int b", "a: !!float x"),
        *("? [a, b]\n: 1", "{[a]: 1}", "a: !!timestamp 1", "a: !!binary \xe9", "a: \0", "a: '", "<<: 3", "*a"),
    ],
)
def test_value_that_cannot_be_is_one_sentence(tmp_path, text):
    assert "is no YAML: " in refusal(tmp_path, text)


def test_recipe_refuses_it_too(tmp_path):
    assert "aliases repeat" in refusal(tmp_path, LAUGHS, read_recipe)


def test_file_of_any_size_is_not_read(tmp_path):
    assert "expected at most 4,000,000" in refusal(tmp_path, "a: " + "b" * 4_000_000)


def test_recipes_with_aliases_are_read():
    assert {"movie-reviews", "glue-12-to-6"} <= set(recipe_names())
    for name in ("movie-reviews", "glue-12-to-6"):
        assert read_recipe(name).name == name
