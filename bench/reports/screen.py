"""What a run shows while it works: a bar for each step, or a line now and then, a line when it is done, notices."""

import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from bench.reports.whole_run import WholeRun
from materials.report import Report
from materials.team import current_team

LINE_SECONDS = 30.0
PACE_SECONDS = 600.0  # over which a bar's time left is judged
NARROW = 70  # columns, below which a bar has no room for its times


def plain_console() -> Console:
    """A console of standard output that prints names as they are, also one such as `[/x]` or `:x:`."""
    return Console(markup=False, emoji=False)


class Screen:
    """Writes to standard error, so that standard output holds results only.

    Where that is no terminal, or one that cannot draw, a long step writes a line every 30 seconds in place of a bar, so
    that a log breathes. Of processes that were launched together the first alone writes.
    """

    def __init__(self) -> None:
        self.console = Console(
            stderr=True, highlight=False, markup=False, emoji=False, quiet=not current_team().is_first
        )
        self.whole: WholeRun | None = None
        self._bars: Progress | None = None

    def notice(self, sentence: str) -> None:
        """Say one sentence."""
        self.console.print(Text("note:", style="yellow"), sentence, soft_wrap=True)

    @contextmanager
    def whole_run(self, title: str, whole: WholeRun) -> Iterator[None]:
        """Show beside each step how far the whole is, while the block runs: a bar above the step's, or in its lines."""
        self.whole = whole
        try:
            if not self._draws:
                yield
                return
            with self._own_bars() as self._bars:
                bars = self._bars
                task = bars.add_task(title, total=whole.total_seconds)
                whole.changed = lambda: bars.update(task, completed=whole.done_seconds)
                yield
                whole.end()
        finally:
            self.whole = self._bars = None

    def counted(self, kind: str, count: int = 1) -> AbstractContextManager[None]:
        """Count so many stages of a kind as a part of the whole run, if there is one, when the block ends well."""
        return self.whole.stage(kind, count) if self.whole else nullcontext()

    @contextmanager
    def step(self, title: str) -> Iterator[Report]:
        """Show how far `title` is while the block runs; yields report(done, total)."""
        start_seconds = time.perf_counter()
        with self._bar(title) if self._draws else self._lines(title) as show:

            def report(done: int, total: int) -> None:
                if self.whole:
                    self.whole.report(done, total)
                show(done, total)

            yield report
        seconds = Text(f"({time.perf_counter() - start_seconds:.1f} s)", style="dim")
        self.console.print(title, seconds, soft_wrap=True)

    @property
    def _draws(self) -> bool:
        return self.console.is_terminal and not self.console.is_dumb_terminal

    def _own_bars(self) -> Progress:
        times = (TimeElapsedColumn(), TimeRemainingColumn()) if self.console.width >= NARROW else ()
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), *times)
        return Progress(*columns, console=self.console, transient=True, speed_estimate_period=PACE_SECONDS)

    @contextmanager
    def _bar(self, title: str) -> Iterator[Report]:
        """A bar of its own, or one below that of the whole run."""
        if self._bars is None:
            with self._own_bars() as bars:
                task = bars.add_task(title, total=None)
                yield lambda done, total: bars.update(task, completed=done, total=total)
            return
        bars, task = self._bars, self._bars.add_task(title, total=None)
        try:
            yield lambda done, total: bars.update(task, completed=done, total=total)
        finally:
            bars.remove_task(task)

    @contextmanager
    def _lines(self, title: str) -> Iterator[Report]:
        """Lines of what is done, of how much, and how long the remainder may take; or, where nothing tells, since when.

        A thread of its own writes the latter, as a step that says nothing gives no other chance to.
        """
        lines, finished = _Lines(self, title), threading.Event()

        def watch() -> None:
            while not finished.wait(LINE_SECONDS):
                lines.say_alive()

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield lines.report
        finally:
            finished.set()
            watcher.join()


class _Lines:
    """The lines of one step in a log."""

    def __init__(self, screen: Screen, title: str) -> None:
        self.screen, self.title, self.lock = screen, title, threading.Lock()
        self.began = self.last_line = self.start_seconds = time.perf_counter()
        self.first_done: int | None = None

    def report(self, done: int, total: int) -> None:
        """Write a line where the last one is old enough."""
        now = time.perf_counter()
        if self.first_done is None and done != 1:  # it goes on where another run stopped, or says that it starts
            self.first_done, self.start_seconds = done, now
        if not (self.first_done or 0) < done < total:
            return
        left = (now - self.start_seconds) * (total - done) / (done - (self.first_done or 0))
        self._say(f"{done:,} of {total:,}, about {in_words(left)} left")

    def say_alive(self) -> None:
        """Write since when the step runs, where nothing else was written for long."""
        self._say(f"{in_words(time.perf_counter() - self.began)} so far")

    def _say(self, sentence: str) -> None:
        with self.lock:
            now, whole = time.perf_counter(), self.screen.whole
            if now - self.last_line < LINE_SECONDS:
                return
            self.last_line = now
            of_whole = f"; the run: {whole.share:.0%}, about {in_words(whole.left_seconds)} left" if whole else ""
            self.screen.console.print(f"{self.title}: {sentence}{of_whole}", soft_wrap=True)


def in_words(seconds: float) -> str:
    """Seconds up to 99, and minutes beyond."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
