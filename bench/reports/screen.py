"""What a run shows while it works: a bar for each step, or a line now and then, a line when it is done, notices."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from materials.report import Report
from materials.team import current_team

LINE_SECONDS = 30.0


def plain_console() -> Console:
    """A console of standard output that prints names as they are, also one such as `[/x]` or `:x:`."""
    return Console(markup=False, emoji=False)


class Screen:
    """Writes to standard error, so that standard output holds results only.

    Where that is no terminal, a long step writes a line every 30 seconds in place of a bar, so that a log breathes.

    Of processes that were launched together the first alone writes.
    """

    def __init__(self) -> None:
        self.console = Console(
            stderr=True, highlight=False, markup=False, emoji=False, quiet=not current_team().is_first
        )

    def notice(self, sentence: str) -> None:
        """Say one sentence."""
        self.console.print(Text("note:", style="yellow"), sentence, soft_wrap=True)

    @contextmanager
    def step(self, title: str) -> Iterator[Report]:
        """Show how far `title` is while the block runs; yields report(done, total)."""
        start_seconds = time.perf_counter()
        if not self.console.is_terminal:
            yield self._lines(title)
            self._say_done(title, start_seconds)
            return
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self.console, transient=True) as progress:
            task = progress.add_task(title, total=None)
            yield lambda done_count, total_count: progress.update(task, completed=done_count, total=total_count)
        self._say_done(title, start_seconds)

    def _say_done(self, title: str, start_seconds: float) -> None:
        seconds = Text(f"({time.perf_counter() - start_seconds:.1f} s)", style="dim")
        self.console.print(title, seconds, soft_wrap=True)

    def _lines(self, title: str) -> Report:
        """A report that writes what is done, of how much, and how long the remainder may take."""
        last_line = start_seconds = time.perf_counter()
        first_done: int | None = None

        def report(done: int, total: int) -> None:
            nonlocal last_line, start_seconds, first_done
            now = time.perf_counter()
            if first_done is None and done != 1:  # it goes on where another run stopped, or says that it starts
                first_done, start_seconds = done, now
            if now - last_line < LINE_SECONDS or not (first_done or 0) < done < total:
                return
            last_line = now
            left = (now - start_seconds) * (total - done) / (done - (first_done or 0))
            time_left = f"{left:.0f} s" if left < 100 else f"{left / 60:.0f} min"
            self.console.print(f"{title}: {done:,} of {total:,}, about {time_left} left", soft_wrap=True)

        return report
