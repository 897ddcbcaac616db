"""What is asked of a model: a class, several labels, or a number. To add one: a file, its losses, and one line here."""

from collections.abc import Mapping
from typing import Any

from materials.errors import RequestError, unknown
from materials.tasks.multi_label import MultiLabel
from materials.tasks.regression import Regression
from materials.tasks.single_label import SingleLabel
from materials.tasks.task import Task

TASKS: dict[str, type[Task]] = {
    "single-label": SingleLabel,
    "multi-label": MultiLabel,
    "regression": Regression,
}
FORMER_NAMES = {"classification": "single-label"}  # in records of before there were other tasks


def task_of(name: str, settings: Mapping[str, Any] | None = None) -> Task:
    """The task of a name, with its settings. Raises RequestError for an unknown name, or settings it does not have."""
    name = FORMER_NAMES.get(name, name)
    if name not in TASKS:
        raise RequestError(unknown("task", name, TASKS))
    try:
        return TASKS[name](**(settings or {}))
    except TypeError:
        raise RequestError(f"task {name} has no setting {', '.join(settings or {})}") from None
