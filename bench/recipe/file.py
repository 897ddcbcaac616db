"""Reading a recipe: its YAML, the values set on the command line, and errors that name the line."""

import errno
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from bench.recipe.data import Data
from bench.recipe.fill_in import GIVEN, filled_in
from bench.recipe.measuring import Measuring, Parity
from bench.recipe.objective import Objective
from bench.recipe.parts import Augmentation, Published, PublishedFigures
from bench.recipe.recipe import Recipe
from bench.recipe.recipe_student import Reading, Student
from bench.recipe.recipe_teacher import Teacher
from bench.recipe.shipped import LEAGUE, recipe_names, recipe_path
from bench.recipe.sweep import Sweep, sizes_in
from bench.recipe.tasks import TASKS, TaskOfRecipe, check_metrics, chosen_tasks, tasks_in
from bench.recipe.yaml_tree import read_yaml
from materials.errors import RequestError, in_one_line, unknown

MESSAGES = {
    "tuple_type": "expected a [list]",
    "model_type": "expected a group of keys",
    "dict_type": "expected a group of keys",
}
KINDS_OF_VALUES = ("constrained-", "literal[")
PARTS: dict[str, type[BaseModel]] = {
    "data": Data,
    "teacher": Teacher,
    "students": Student,
    "or_else": Reading,
    "objectives": Objective,
    "sweep": Sweep,
    "parity": Parity,
    "measuring": Measuring,
    "augmentation": Augmentation,
    "published": Published,
    "figures": PublishedFigures,
}


def recipe_tasks(name: str, overrides: Sequence[str] = ()) -> tuple[TaskOfRecipe, ...]:
    """The tasks of a recipe that has several, or its sizes where it sweeps the train rows; empty for the others.

    Raises RequestError for a fault in one.
    """
    path = _find(name)
    content = _load(path)
    if tasks := tasks_in(content, path.name):
        return tasks
    for override in overrides:
        _set(content, override)
    return sizes_in(content)


def read_recipe(name: str, overrides: Sequence[str] = (), *, task: str | None = None) -> Recipe:
    """The recipe of a name or a YAML file, with `path.to.key=value` overrides.

    One with several tasks or sizes is read for the `task` named, or else for its first. Raises RequestError that names
    the file, the line, what was expected and the choices.
    """
    path = _find(name)
    content = _load(path)
    lines = _lines(path)
    if tasks := tasks_in(content, path.name):
        number = tasks.index(chosen_tasks(tasks, (task,) if task else ())[0])
        content = tasks[number].changed(content)
        lines |= {place[2:]: line for place, line in lines.items() if place[:3] == (TASKS, number, "data")}
    for override in overrides:
        _set(content, override)
    if sizes := sizes_in(content):
        if tasks:
            raise RequestError(f"{path.name}: sweep.train_rows is for recipes of one task; leave it or tasks out")
        content = chosen_tasks(sizes, (task,) if task else ())[0].changed(content)
    try:
        recipe = Recipe.model_validate(filled_in(content))
        if tasks:
            check_metrics(tasks[number], recipe.task, path.name)
        return recipe
    except (OSError, UnicodeEncodeError) as error:
        if isinstance(error, OSError) and error.errno != errno.ENAMETOOLONG:
            raise
        raise RequestError(f"{path.name} names a file as none can be called: {in_one_line(error)}") from None
    except ValidationError as error:
        for override in overrides:  # what the command line set stands in no line of the file
            lines = {place: line for place, line in lines.items() if not _is_below(place, override)}
        place = _place(_first(error))
        shown_overrides = [override for override in overrides if _is_below(place, override)]
        if shown_overrides:
            lines = {}
        shown_overrides += [
            override
            for override in overrides
            if override not in shown_overrides and _is_above(place, override) and not override.endswith("=null")
        ]
        raise RequestError(_sentence(error, path, lines, shown_overrides)) from None


def leaves_transfer_open(name: str) -> bool:
    """Whether a recipe takes transfer rows where they are given, and does without where they are not."""
    objectives = _load(_find(name)).get("objectives")
    return isinstance(objectives, list) and any(
        isinstance(objective, dict) and objective.get("transfer") == GIVEN for objective in objectives
    )


def _find(name: str) -> Path:
    if name in recipe_names():
        return recipe_path(name)
    if name == LEAGUE:
        raise RequestError("the league runs a recipe on many data sets; use `distilbench league`")
    if Path(name).suffix in (".yaml", ".yml"):
        if not Path(name).is_file():
            raise RequestError(f"there is no recipe file {name}")
        return Path(name)
    raise RequestError(unknown("recipe", name, recipe_names()) + "; or give a .yaml file")


def _load(path: Path) -> dict[str, Any]:
    content = read_yaml(path)[0]
    if not isinstance(content, dict):
        raise RequestError(f"{path} is no recipe; expected keys such as {', '.join(Recipe.model_fields)}")
    return content


def _set(content: dict[str, Any], override: str) -> None:
    """Apply `students.0.epochs=3` to the content of a recipe."""
    path, equals, text = override.partition("=")
    keys = path.split(".")
    if not equals or not all(keys):
        raise RequestError(f"--set needs path.to.key=value, such as students.0.epochs=3; got '{override}'")
    place: Any = content
    for depth, key in enumerate(keys):
        last = depth == len(keys) - 1
        if isinstance(place, list):
            if not key.isdigit() or int(key) >= len(place):
                raise RequestError(
                    f"--set {override}: '{key}' is no entry of the {len(place)} in {'.'.join(keys[:depth])}"
                )
            key_or_index: Any = int(key)
        elif isinstance(place, dict):
            key_or_index = key
        else:
            group = ".".join(keys[:depth])
            raise RequestError(
                f"--set {override}: {group} is {place!r:.60}, not a group of keys; "
                f"set all of it with --set '{group}=...'"
            )
        if last:
            place[key_or_index] = _value(text, override)
        else:
            place = place.setdefault(key, {}) if isinstance(place, dict) else place[key_or_index]


def _is_below(place: tuple[str | int, ...], override: str) -> bool:
    keys = override.partition("=")[0].split(".")
    return [str(part) for part in place[: len(keys)]] == keys


def _is_above(place: tuple[str | int, ...], override: str) -> bool:
    keys = override.partition("=")[0].split(".")
    return bool(place) and keys[: len(place)] == [str(part) for part in place]


def _value(text: str, override: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        raise RequestError(f"--set {override}: '{text}' is no value; expected a number, a name, or a [list]") from None


def _lines(path: Path) -> dict[tuple[str | int, ...], int]:
    """The line of every key and list entry of a YAML file, by its path in the content."""
    lines: dict[tuple[str | int, ...], int] = {}

    def walk(node: yaml.Node, place: tuple[str | int, ...]) -> None:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                name = str(key.value)  # of a key that is no scalar, nobody asks
                lines[(*place, name)] = key.start_mark.line + 1
                walk(value, (*place, name))
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                lines[(*place, index)] = value.start_mark.line + 1
                walk(value, (*place, index))

    root = read_yaml(path)[1]
    if root is not None:
        walk(root, ())
    return lines


def _first(error: ValidationError) -> Any:
    """The fault to tell: a key that is not known before one that is missing, as it may be that one misspelt."""
    errors = error.errors()
    return next((fault for fault in errors if fault["type"] == "extra_forbidden"), errors[0])


def _place(fault: Any) -> tuple[str | int, ...]:
    """The keys that lead to a fault, without what pydantic adds for a key of several types."""
    return tuple(part for part in fault["loc"] if not str(part).startswith(KINDS_OF_VALUES))


def _sentence(
    error: ValidationError, path: Path, lines: dict[tuple[str | int, ...], int], shown_overrides: Sequence[str]
) -> str:
    first = _first(error)
    place = _place(first)
    line = next((lines[place[:depth]] for depth in range(len(place), 0, -1) if place[:depth] in lines), None)
    where = f"{path.name}, line {line}" if line else path.name
    where += f" with {', '.join(shown_overrides)}" if shown_overrides else ""
    key = ".".join(str(part) for part in place)
    if first["type"] == "extra_forbidden":
        group = next((key for key in reversed(place[:-1]) if isinstance(key, str)), "")
        part = PARTS.get(group, Recipe)
        return f"{where}: {unknown('key', str(place[-1]), part.model_fields)}"
    if first["type"] == "missing":
        return f"{where}: the key '{key}' is missing"
    message = MESSAGES.get(first["type"]) or str(first["msg"]).removeprefix("Value error, ")
    message += ", or installed" if place == ("peers",) else ""
    message += ", or auto" if len(place) < len(first["loc"]) else ""
    value = first.get("input")
    got = f"; got {value!r}" if first["type"] != "value_error" and isinstance(value, str | int | float | bool) else ""
    return f"{where}: {key + ': ' if key else ''}{message}{got}"
