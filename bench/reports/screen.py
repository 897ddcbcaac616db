"""What a run shows while it works: a bar for each step, a line when it is done, notices."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from materials.report import Report
from materials.team import current_team


class Screen:
    """Writes to standard error, so that standard output holds results only.

    Of processes that were launched together the first alone writes.
    """

    def __init__(self) -> None:
        self.console = Console(stderr=True, highlight=False, quiet=not current_team().is_first)

    def notice(self, sentence: str) -> None:
        """Say one sentence."""
        self.console.print(f"[yellow]note:[/] {escape(sentence)}", soft_wrap=True)

    @contextmanager
    def step(self, title: str) -> Iterator[Report]:
        """Show a bar for `title` while the block runs; yields report(done, total)."""
        start_seconds = time.perf_counter()
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self.console, transient=True, disable=not self.console.is_terminal) as progress:
            task = progress.add_task(escape(title), total=None)
            yield lambda done_count, total_count: progress.update(task, completed=done_count, total=total_count)
        self.console.print(f"{escape(title)} [dim]({time.perf_counter() - start_seconds:.1f} s)[/]", soft_wrap=True)
