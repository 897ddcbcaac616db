"""What `distilbench list` shows."""

import sys
from collections.abc import Callable

from rich.console import Console
from rich.table import Table

from bench.reports.screen import plain_console
from materials.errors import RequestError, unknown

Lines = list[tuple[str, str]]


def print_listing(kind: str | None) -> None:
    """Print one kind of thing that can be named, or all of them. Raises RequestError for an unknown kind."""
    if kind is not None and kind not in LISTINGS:
        raise RequestError(unknown("kind", kind, LISTINGS))
    console = plain_console()
    if kind == "exporters":
        _print_exporters(console)
        return
    for name in [kind] if kind else LISTINGS:
        table = Table(name, "what it is", box=None, header_style="bold", padding=(0, 2, 0, 0))
        for line in LISTINGS[name]():
            table.add_row(*line)
        console.print(table, "")


def _print_exporters(console: Console) -> None:
    """One table of format by architecture; below it, why a pair cannot be."""
    from export.formats import EXPORTERS, refusal, why_impossible
    from students import STUDENTS
    from teachers import TEACHERS

    teachers = [name for name, kind in TEACHERS.items() if not kind.is_given]
    architectures = [*teachers, *(name for name in STUDENTS if name not in TEACHERS)]
    table = Table("exporters", *architectures, "what it is", box=None, header_style="bold", padding=(0, 2, 0, 0))
    reasons: list[str] = []
    for name, exporter in EXPORTERS.items():
        cells = []
        for architecture in architectures:
            reason = why_impossible(name, architecture)
            if reason and reason not in reasons:
                reasons.append(reason)
            cells.append(f"no ({reasons.index(reason) + 1})" if reason else "yes")
        missing = "" if refusal(name) is None else ": not installed"
        table.add_row(name, *cells, exporter.description + missing)
    console.print(table, "")
    for name in EXPORTERS:
        if sentence := refusal(name):
            console.print(sentence, soft_wrap=True, highlight=False)
    for number, reason in enumerate(reasons, 1):
        console.print(f"({number}) {reason}", soft_wrap=True, highlight=False)


def _recipes() -> Lines:
    from bench.recipe.shipped import recipe_description, recipe_names

    return [(name, recipe_description(name)) for name in recipe_names()]


def _students() -> Lines:
    from students import STUDENTS

    return [(name, _first_sentence(architecture.description)) for name, architecture in STUDENTS.items()]


def _objectives() -> Lines:
    from bench.recipe.objective import OBJECTIVES

    return list(OBJECTIVES.items())


def _tasks() -> Lines:
    from materials.tasks import TASKS

    module_docs = [sys.modules[task.__module__].__doc__ for task in TASKS.values()]
    return [(name, _first_sentence(doc)) for name, doc in zip(TASKS, module_docs, strict=True)]


def _exporters() -> Lines:
    from export.formats import EXPORTERS

    return [(name, exporter.description) for name, exporter in EXPORTERS.items()]


def _datasets() -> Lines:
    from materials.catalogue import DATASETS

    return [(name, f"{entry.description} ({entry.licence})") for name, entry in DATASETS.items()]


def _weights() -> Lines:
    from materials.catalogue import VECTORS, WEIGHTS, Entry

    entries: dict[str, Entry] = {**WEIGHTS, **VECTORS}
    return [(name, f"{entry.description} ({entry.archive.licence})") for name, entry in entries.items()]


def _peers() -> Lines:
    from peers import PEERS

    return [
        (name, f"{peer.description} ({peer.licence})" + (": not installed" if peer.missing_packages else ""))
        for name, peer in PEERS.items()
    ]


def _first_sentence(text: str | None) -> str:
    return " ".join((text or "").strip().split("\n\n")[0].split())


LISTINGS: dict[str, Callable[[], Lines]] = {
    "recipes": _recipes,
    "students": _students,
    "tasks": _tasks,
    "objectives": _objectives,
    "exporters": _exporters,
    "peers": _peers,
    "datasets": _datasets,
    "weights": _weights,
}
