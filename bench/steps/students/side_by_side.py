"""Training the students of several cells at once, each in a process of its own, before the run goes through all."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.harness.lifeline import end_with_parent
from bench.recipe.cell import Cell
from bench.recipe.recipe import Recipe
from bench.reports.screen import Screen
from bench.steps.students.student import is_trained, train_student
from bench.steps.students.vocabulary import build_vectors, build_vocabulary
from bench.steps.training import CellFailed, ending_the_cell
from bench.steps.workplace import SeedPlace, Workplace
from materials.report import Report
from materials.stages import StageStore
from materials.weights import WeightsFolder

SECONDS_BETWEEN_LOOKS = 1.0
_shares: Any = None  # in a process beside others: what is done of each training


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a process needs to know to train a cell: that, the recipe, where stages are stored, and its `SeedPlace`.

    Nothing here has been read yet, as all of it is sent.
    """

    cell: Cell
    recipe: Recipe
    root: Path
    fresh: bool
    earlier: Mapping[str, str] | None
    weights: WeightsFolder
    splits: Path
    teacher: Path | None
    knowledge: Path | None
    teacher_files: Mapping[str, Path]

    @classmethod
    def of(cls, place: SeedPlace, cell: Cell) -> "Order":
        """The order for a cell of a seed."""
        store = place.work.store
        return cls(
            cell=cell,
            recipe=place.work.recipe,
            root=store.root,
            fresh=store.fresh,
            earlier=store.earlier,
            weights=place.weights,
            splits=place.splits,
            teacher=place.teacher,
            knowledge=place.knowledge,
            teacher_files=dict(place.teacher_files),
        )

    def place(self, screen: Screen) -> SeedPlace:
        """The same place in another process."""
        store = StageStore(root=self.root, fresh=self.fresh, notice=screen.notice, earlier=self.earlier)
        return SeedPlace(
            work=Workplace(recipe=self.recipe, store=store, screen=screen),
            weights=self.weights,
            seed=self.cell.seed,
            splits=self.splits,
            teacher=self.teacher,
            knowledge=self.knowledge,
            teacher_files=self.teacher_files,
        )


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What a process reports of a cell: its notices, and why the cell failed, if it did."""

    notices: tuple[str, ...]
    error: str | None = None


class Collecting(Screen):
    """The screen of a process beside others: it shows nothing, and keeps its notices for the one that asked.

    How far the training with this number is, it writes where that one looks.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.console.quiet = True
        self.notices: list[str] = []
        self.number = number

    @contextmanager
    def step(self, title: str) -> Iterator[Report]:
        """Say how far it is, and show nothing."""

        def report(done: int, total: int) -> None:
            if _shares is not None:
                _shares[self.number] = done / max(1, total)

        yield report

    def notice(self, sentence: str) -> None:
        """Keep one sentence."""
        self.notices.append(sentence)


def train_side_by_side(place: SeedPlace, cells: Sequence[Cell], *, jobs: int) -> None:
    """Train the cells that are not stored yet in so many processes, which share the processors.

    Results are in the store, where the run then finds them. A cell that fails here is named in a notice and left to the
    run, which tries it again.
    """
    missing = [cell for cell in cells if not _is_stored(place, cell)] if jobs > 1 else []
    if len(missing) < 2:
        return
    screen = place.work.screen
    workers = min(jobs, len(missing))
    # Spawned, as a copy of a process that has run torch hangs in torch's threads.
    context = multiprocessing.get_context("spawn")
    shares: Any = context.Array("d", len(missing))  # what is done of each training, from 0 to 1
    pool = ProcessPoolExecutor(
        workers,
        mp_context=context,
        initializer=_begin,
        initargs=(threads_of(jobs), shares),
    )
    try:
        futures = {pool.submit(_train, Order.of(place, cell), number): cell for number, cell in enumerate(missing)}
        trained_count = 0
        title = f"{len(missing)} students in {workers} processes, seed {place.seed}, in %"
        with screen.counted("student", len(missing)), screen.step(title) as report:
            for future in _as_completed(futures, lambda: report(int(100 * sum(shares) / len(missing)), 100)):
                trained, cell_title = _report_of(future), f"{futures[future].title}, seed {place.seed}"
                for sentence in trained.notices:
                    screen.notice(sentence)
                if trained.error is not None:
                    screen.notice(f"{cell_title}: failed in its process, and is tried again: {trained.error}")
                    continue
                trained_count += 1
                screen.notice(f"cells trained: {trained_count} of {len(missing)} ({cell_title})")
    except BaseException:  # an interrupted run waits for no cell, nor does the interpreter when it ends
        pool.shutdown(wait=False, cancel_futures=True)
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    pool.shutdown()


def _as_completed(futures: Collection[Future[Trained]], look: Callable[[], None]) -> Iterator[Future[Trained]]:
    """The futures as they end; every second one looks how far they are."""
    waiting = set(futures)
    while waiting:
        done, waiting = wait(waiting, timeout=SECONDS_BETWEEN_LOOKS, return_when=FIRST_COMPLETED)
        look()
        yield from done


def _is_stored(place: SeedPlace, cell: Cell) -> bool:
    """Whether a cell's student is stored; what it starts from is built here, so that no two processes do so."""
    try:
        vocabulary = build_vocabulary(place, cell.student)
        if is_trained(place, cell, vocabulary):
            return True
        with ending_the_cell():
            build_vectors(place, cell.student, vocabulary)
    except CellFailed:  # which the run says when it comes to the cell
        return True
    return False


def threads_of(jobs: int) -> int:
    """The threads that train a student where so many jobs share the processors."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, processors // jobs)


@contextmanager
def as_in_its_process(jobs: int) -> Iterator[None]:
    """Train in this process with as many threads as beside others, for sums split otherwise end in other digits.

    So a run that was stopped comes to the same weights, whatever was left to train.
    """
    if jobs == 1:
        yield
        return
    from training.precision import torch_threads

    with torch_threads(threads_of(jobs)):
        yield


def _begin(threads: int, shares: Any) -> None:
    """What a process does first: it takes its share of the processors, and ends at once on Ctrl-C or with the run."""
    import torch

    global _shares
    _shares = shares
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    end_with_parent()
    torch.set_num_threads(threads)


def _train(order: Order, number: int) -> Trained:
    screen = Collecting(number)
    place, error = order.place(screen), None
    try:
        train_student(place, order.cell, build_vocabulary(place, order.cell.student))
    except Exception as failure:  # whatever it is, the run meets it again, and says it as it should be said
        error = str(failure)
    return Trained(notices=tuple(screen.notices), error=error)


def _report_of(future: "Future[Trained]") -> Trained:
    """What a process reported; an error where it ended, as one does that the system stops for its memory."""
    try:
        return future.result()
    except BrokenProcessPool:
        return Trained(notices=(), error="a process ended before its time")
