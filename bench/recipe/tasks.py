"""The tasks of a recipe that has several: what each changes in it, and by which metrics it is judged."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from bench.recipe.parts import Part
from materials.errors import RequestError, unknown
from materials.tasks.task import Task

TASKS = "tasks"
METRICS = ("accuracy", "macro_f1", "micro_f1", "weighted_f1", "pearson", "spearman")
OF_A_CLASS = "f1 of "


class TaskOfRecipe(Part):
    """A task: `data` are the keys of the recipe's data that it sets, and its score is the mean of its `metrics`.

    `published` is what a source printed for it. A metric is one of the task's own by name, or `f1 of NAME`, that of one
    class.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    data: dict[str, Any]
    metrics: Annotated[tuple[str, ...], Field(min_length=1)]
    published: dict[str, Any] | None = None

    def changed(self, content: Mapping[str, Any]) -> dict[str, Any]:
        """The content of the recipe for this task alone."""
        rest = {key: value for key, value in content.items() if key != TASKS}
        published = {} if self.published is None else {"published": self.published}
        return {**rest, **published, "data": {**(content.get("data") or {}), **self.data}}


def tasks_in(content: Mapping[str, Any], where: str) -> tuple[TaskOfRecipe, ...]:
    """The tasks of a recipe's content; none for a recipe of one. Raises RequestError for one that cannot be."""
    if TASKS not in content:
        return ()
    try:
        tasks = TypeAdapter(tuple[TaskOfRecipe, ...]).validate_python(content[TASKS])
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(map(str, (TASKS, *fault["loc"])))
        raise RequestError(f"{where}: {place}: {fault['msg']}; got {fault.get('input')!r:.60}") from None
    names = [task.name for task in tasks]
    if not names or len(set(names)) < len(names):
        raise RequestError(f"{where}: tasks needs at least one task, each of another name; got {', '.join(names)}")
    for task in tasks:
        for metric in task.metrics:
            if metric not in METRICS and not re.fullmatch(f"{OF_A_CLASS}.+", metric):
                choices = f"choose one of {', '.join(METRICS)}, or '{OF_A_CLASS}CLASS'"
                raise RequestError(f"{where}: task {task.name}: there is no metric '{metric}'; {choices}")
    return tasks


def chosen_tasks(tasks: tuple[TaskOfRecipe, ...], names: tuple[str, ...]) -> tuple[TaskOfRecipe, ...]:
    """The tasks of these names in the recipe's order, all without names. Raises RequestError for an unknown one."""
    known = {task.name: task for task in tasks}
    for name in names:
        if name not in known:
            raise RequestError(unknown("task of the recipe", name, known))
    return tuple(task for task in tasks if not names or task.name in names)


def check_metrics(task: TaskOfRecipe, asked: Task, where: str) -> None:
    """Raise RequestError for a metric that what is asked does not have; whether a class is there, its rows say."""
    own = [metric.name for metric in asked.metrics]
    for metric in task.metrics:
        if metric.startswith(OF_A_CLASS) and not asked.has_names:
            raise RequestError(f"{where}: task {task.name} is a {asked.name}, which has no classes for '{metric}'")
        if not metric.startswith(OF_A_CLASS) and metric not in own:
            raise RequestError(
                f"{where}: task {task.name} is {asked.name} and has no {metric}; it has {', '.join(own)}"
            )
