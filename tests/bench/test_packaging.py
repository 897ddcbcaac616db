"""What is installed is what is in the tree, and what pins and metadata promise holds."""

import re
import tomllib
from importlib.metadata import entry_points, requires
from importlib.resources import files
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def package_name(requirement):
    return re.match(r"[A-Za-z0-9_.-]+", requirement).group().lower().replace("_", "-")


def test_the_command_is_installed():
    (command,) = entry_points(group="console_scripts", name="distilbench")
    assert command.value == "bench.commands.command_line:main"


def test_recipes_are_installed_with_the_package():
    installed = {path.name for path in files("recipes").iterdir() if path.name.endswith(".yaml")}
    assert installed == {path.name for path in (ROOT / "recipes").glob("*.yaml")}


def test_every_dependency_is_pinned_in_the_constraints(project):
    pinned = {package_name(line) for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line}
    requirements = [
        *project["dependencies"],
        *(requirement for extra in project["optional-dependencies"].values() for requirement in extra),
    ]
    assert {package_name(requirement) for requirement in requirements} <= pinned


def test_extras_exist(project):
    assert {"openvino", "peers", "dev"} <= set(project["optional-dependencies"])
    assert any("extra == 'openvino'" in requirement.replace('"', "'") for requirement in requires("distilbench") or ())


def test_every_package_of_the_tree_is_built():
    setup = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    folders = {path.parent for top in ROOT.glob("*/__init__.py") for path in top.parent.rglob("__init__.py")}
    assert set(setup["packages"]) == {".".join(folder.relative_to(ROOT).parts) for folder in folders}
