"""The recipes that come with distilbench: their names and what they are, without reading the whole of them."""

from importlib.resources import files
from pathlib import Path

import yaml

LEAGUE = "league"  # a file beside the recipes that says on what one of them runs


def recipe_names() -> list[str]:
    """The recipes that come with distilbench; those in `paper` need the Hub."""
    folder = _folder()
    files_of_recipes = (path for path in folder.rglob("*.yaml") if path.stem != LEAGUE)
    paths = sorted(files_of_recipes, key=lambda path: (len(path.parts), path))
    return [path.relative_to(folder).with_suffix("").as_posix() for path in paths]


def recipe_path(name: str) -> Path:
    """The file of one of `recipe_names`."""
    return _folder() / f"{name}.yaml"


def recipe_description(name: str) -> str:
    """What the recipe says of itself; the rest of it is not checked, which takes long for all of them."""
    # libyaml's loader is ten times as fast as the one in Python, and not everywhere there.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    content = yaml.load(recipe_path(name).read_text(encoding="utf-8"), Loader=loader)
    return str(content.get("description", ""))


def _folder() -> Path:
    return Path(str(files("recipes")))
