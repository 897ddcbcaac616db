"""Running a recipe with several tasks: one after the other, each into a folder of its name, and one table of all."""

from collections.abc import Callable, Mapping
from pathlib import Path

from bench.recipe.tasks import TaskOfRecipe
from bench.reports.run_folder import prove_writable
from bench.reports.screen import Screen
from bench.suite.report import summary_text
from bench.suite.summary import save_summary, summarise
from materials.errors import RequestError
from materials.files import new_file
from materials.team import current_team

TABLE = "table.md"
RunTask = Callable[[str, Path], int]
"""Runs a task of the recipe into a folder; gives an exit code."""


def run_tasks(recipe: str, tasks: Mapping[str, TaskOfRecipe], output: Path, run_task: RunTask, *, dry_run: bool) -> int:
    """Run the tasks, write tasks.json and table.md, and print the table. Gives 1 where a file failed, else 0.

    A task that is refused, for want of its files, say, is left out and the others go on; where all are, the first
    refusal is raised. A dry run writes and prints nothing of its own.
    """
    is_first = current_team().is_first
    if is_first:
        prove_writable(output)
    screen, codes, refusals = Screen(), {}, []
    for number, name in enumerate(tasks, start=1):
        screen.notice(f"task {number} of {len(tasks)}: {name}")
        try:
            code = run_task(name, output / name)
            if is_first and not dry_run:  # refused too where it has not the metrics that the recipe names
                summarise(recipe, {name: tasks[name].metrics}, output)
            codes[name] = code
        except RequestError as error:
            refusals.append(RequestError(f"task {name} is left out: {error}"))
            screen.notice(str(refusals[-1]))
    if not codes:
        raise refusals[0]
    if is_first and not dry_run:
        summary = summarise(recipe, {name: tasks[name].metrics for name in codes}, output)
        save_summary(summary, output)
        with new_file(output / TABLE) as temporary:
            temporary.write_text(summary_text(summary, "markdown"), encoding="utf-8")
        print(summary_text(summary, "rich"))
        for refusal in refusals:
            screen.notice(str(refusal))
    return 1 if any(codes.values()) or refusals else 0
