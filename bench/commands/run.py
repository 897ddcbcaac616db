"""The command `run`: everything in a recipe, from data to the table."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.card.write import write_cards
from bench.commands.share.track import Tracker, track_runs
from bench.commands.show import show_run
from bench.forecast.forecast import make_forecast
from bench.forecast.plan import print_plan, sentences_of
from bench.recipe.file import leaves_transfer_open, read_recipe, recipe_tasks
from bench.recipe.shipped import recipe_names
from bench.recipe.sweep import TRAIN_ROWS
from bench.recipe.tasks import chosen_tasks
from bench.record.machine import check_device
from bench.record.run_file import describe_run
from bench.reports.run_folder import prove_writable, save_run
from bench.reports.screen import Screen
from bench.reports.whole_run import WholeRun
from bench.steps.export import impossible_files
from bench.steps.knowledge import labelling_records
from bench.steps.leaks.quality import leak_records, leaks_of_run, without_leaks
from bench.steps.outcome.cascades import with_cascades
from bench.steps.outcome.groups import make_groups
from bench.steps.outcome.histories import collect_histories
from bench.steps.outcome.rows import Runs, make_rows
from bench.steps.pipeline import run_pipeline
from bench.steps.workplace import Workplace
from bench.suite.run import run_tasks
from export.formats import require_formats
from materials.errors import RequestError
from materials.files import cache_folder
from materials.stages import StageStore, stamps_in
from materials.team import current_team
from peers import require

OF_ONE_TASK = {
    **{"data.train": "--data", "data.validation": "--validation-data", "data.test": "--test-data"},
    **{"data.transfer": "--transfer-data", "data.classes": "--classes", "data.task": "--task"},
    "data.class_names": "--class-names",
}


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """A recipe with what the command line changes in it; flags that were not given are none.

    `tasks` are those to run of a recipe that has several, all without any; `task` is the one that is being run. So many
    `jobs` train students at once. `earlier` are the results that `fresh` ignores, all that are there without it.
    """

    recipe: str
    flags: Mapping[str, Any]
    overrides: tuple[str, ...]
    output: Path | None
    fresh: bool
    tasks: tuple[str, ...] = ()
    task: str | None = None
    jobs: int = 1
    earlier: Mapping[str, str] | None = None

    @property
    def all_overrides(self) -> list[str]:
        """Flags as overrides, then those of --set."""
        flags = {name: value for name, value in self.flags.items() if value is not None}
        if "data.train" in flags:  # the recipe's own held-out rows, columns and licence belong to its own data
            names = ("validation", "test", "text_pair", "label", "separator", "licence", "classes", "class_names")
            of_recipe = dict.fromkeys(names)
            if leaves_transfer_open(self.recipe):  # its unlabelled texts do too, and nothing here needs any
                of_recipe |= dict.fromkeys(("transfer", "transfer_rows"))
            defaults = {f"data.{name}": value for name, value in {**of_recipe, "text": "text"}.items()}
            if self.recipe in recipe_names() and leaves_transfer_open(self.recipe):  # sized to its own rows
                defaults |= {"teacher.epochs": "auto", "teacher.learning_rate": "auto"}
            flags = {"description": f"the recipe {self.recipe} on {flags['data.train']}", **defaults, **flags}
        if "data.transfer" in flags:  # as do the number of transfer rows and their column
            flags = {"data.transfer_rows": None, "data.transfer_text": None, **flags}
        as_overrides = [f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in flags.items()]
        return [*as_overrides, *self.overrides]


def _run_tasks(request: RunRequest, *, dry_run: bool) -> int:
    """Run the tasks or sizes of a recipe. Raises RequestError for data on the command line, which is of one task."""
    every_task = recipe_tasks(request.recipe, request.all_overrides)
    if not every_task:
        raise RequestError(f"the recipe {request.recipe} has one task; leave --tasks out")
    given = [option for flag, option in OF_ONE_TASK.items() if request.flags.get(flag) is not None]
    if given and any(set(task.data) != {TRAIN_ROWS} for task in every_task):  # sizes are those of any data
        own = ", ".join(task.name for task in every_task)
        raise RequestError(f"{given[0]} cannot be given: the recipe {request.recipe} has tasks of its own ({own})")
    tasks = {task.name: task for task in chosen_tasks(every_task, request.tasks)}

    # What one task makes anew serves the next one.
    earlier = stamps_in(cache_folder()) if request.fresh else None

    def run_task(name: str, folder: Path) -> int:
        return run_recipe(replace(request, task=name, output=folder, earlier=earlier), dry_run=dry_run)

    recipe = read_recipe(request.recipe, request.all_overrides, task=next(iter(tasks)))
    output = request.output or Path("runs") / recipe.name
    return run_tasks(recipe.name, tasks, output, run_task, dry_run=dry_run)


def run_and_track(request: RunRequest, tracker: Tracker, *, dry_run: bool) -> int:
    """Run a recipe as `run_recipe` does, and when all is written, write it to a tracker too.

    Raises RequestError where the tracker does not take it: the run folder is whole all the same.
    """
    tasks = recipe_tasks(request.recipe, request.all_overrides)
    recipe = read_recipe(request.recipe, request.all_overrides, task=tasks[0].name if tasks else None)
    output = request.output or Path("runs") / recipe.name
    code = run_recipe(replace(request, output=output), dry_run=dry_run)
    if not dry_run and current_team().is_first:
        track_runs([output], tracker)
    return code


def _foreseen(work: Workplace) -> Runs:
    """Say what the run will take, and show while it works how far it is in all."""
    if not current_team().is_first:
        return Runs(*run_pipeline(work))
    with work.screen.step("how long it will take"):
        forecast = make_forecast(work, fetches=True)
    for sentence in sentences_of(forecast):
        work.screen.notice(sentence)
    work.store.around = work.screen.counted
    with work.screen.whole_run(work.recipe.name, WholeRun(forecast.likely_seconds)):
        return Runs(*run_pipeline(work))


def run_recipe(request: RunRequest, *, dry_run: bool) -> int:
    """Run a recipe, write its run folder and print its tables; 1 when a row failed, else 0.

    A recipe with several tasks is run task by task, and one table of all is printed last. Of processes that were
    launched together the first alone writes and prints.
    """
    if request.task is None and (request.tasks or recipe_tasks(request.recipe, request.all_overrides)):
        return _run_tasks(request, dry_run=dry_run)
    if request.jobs > 1 and current_team().size > 1:
        raise RequestError("--jobs is for a run in one process, and several were launched together; leave it out")
    recipe = read_recipe(request.recipe, request.all_overrides, task=request.task)
    output = request.output or Path("runs") / recipe.name
    screen = Screen()
    store = StageStore(root=cache_folder(), fresh=request.fresh, notice=screen.notice, earlier=request.earlier)
    work = Workplace(recipe=recipe, store=store, screen=screen, jobs=request.jobs)
    for device in {recipe.device, recipe.trained_on}:
        check_device(device)
    for peer in recipe.peers:
        require(peer)
    require_formats([*recipe.formats, *recipe.teacher.formats])
    if current_team().is_first:
        prove_writable(output)
    if dry_run:
        print_plan(work)
        return 0
    impossible = impossible_files(recipe)
    for sentence in impossible:
        screen.notice(f"impossible here: {sentence}")
    runs = _foreseen(work)
    leaks = leaks_of_run(work, runs)
    if not current_team().is_first:
        return 0
    rows = make_rows(runs, threads=recipe.threads, device=recipe.device)
    rows = without_leaks(runs, with_cascades(runs, rows, recipe.cascade_agreement), leaks)
    finished = describe_run(
        recipe.name,
        rows,
        threads=recipe.threads,
        recipe=recipe.model_dump(mode="json"),
        labelling=labelling_records(runs.models),
        groups=make_groups(runs, rows),
        impossible=impossible,
        leaks=leak_records(runs, leaks),
    )
    save_run(finished, runs.artefacts(rows), output, collect_histories(runs))
    show_run(output, "rich")
    write_cards(finished, output)
    screen.notice(f"run.json, table.md and the bundles are in {output}")
    return 1 if any(row.status == "failed" for row in rows) else 0
