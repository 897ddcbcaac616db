"""The command `cache`: what is stored, and how to be rid of it."""

import time
from collections import defaultdict

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from materials.errors import RequestError, unknown
from materials.files import cache_folder
from materials.stages import Entry, remove_entry, remove_leftovers, stored_entries


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
    title = escape(f"{'deleted from' if prune else 'in'} {root}")
    table = Table("kind", "entries", "MB", title=title, title_justify="left")
    for name, members in by_kind.items():
        table.add_row(name, str(len(members)), f"{sum(entry.size_bytes for entry in members) / 1e6:,.1f}")
    table.add_row("all", str(len(entries)), f"{sum(entry.size_bytes for entry in entries) / 1e6:,.1f}", style="bold")
    if prune:
        for entry in entries:
            remove_entry(entry)
        remove_leftovers(root)
    Console().print(table)
