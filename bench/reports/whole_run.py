"""How far a whole run is, counted in the seconds that its stages were forecast to take."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

FEWEST_SECONDS = 10.0  # before so much is done, the pace is not judged


@dataclass
class _OpenStage:
    seconds: float
    share: float = 0.0


class WholeRun:
    """The stages that are left to make: by kind, the seconds that each is likely to take, in the order of the run.

    A stage that nobody foresaw counts nothing, and one that was foreseen and never comes is done with the run.
    `changed` is called whenever something is done.
    """

    def __init__(self, seconds: Mapping[str, Sequence[float]]) -> None:
        self.total_seconds = sum(map(sum, seconds.values()))
        self.changed: Callable[[], None] = lambda: None
        self._left = {kind: deque(of_kind) for kind, of_kind in seconds.items()}
        self._finished_seconds, self._started = 0.0, time.perf_counter()
        self._open: list[_OpenStage] = []

    @contextmanager
    def stage(self, kind: str, count: int = 1) -> Iterator[None]:
        """Count so many stages of a kind as done when the block ends well; stages may lie within one another."""
        queue = self._left.get(kind, deque())
        stage = _OpenStage(sum(queue.popleft() for _ in range(min(count, len(queue)))))
        self._open.append(stage)
        try:
            yield
            self._finished_seconds += stage.seconds
        finally:
            self._open.remove(stage)
            self.changed()

    def report(self, done: int, total: int) -> None:
        """Say how far the innermost stage is."""
        if self._open:
            self._open[-1].share = min(1.0, done / max(1, total))
            self.changed()

    def end(self) -> None:
        """Count all as done, whatever never came."""
        self._finished_seconds, self._open = self.total_seconds, []
        self.changed()

    @property
    def done_seconds(self) -> float:
        """The forecast seconds of what is done, parts of stages among them."""
        of_open = sum(stage.seconds * stage.share for stage in self._open)
        return min(self.total_seconds, self._finished_seconds + of_open)

    @property
    def share(self) -> float:
        """What is done of the whole, from 0 to 1."""
        return self.done_seconds / self.total_seconds if self.total_seconds else 1.0

    @property
    def left_seconds(self) -> float:
        """What is left by the forecast, at the pace of the run so far."""
        left, done = self.total_seconds - self.done_seconds, self.done_seconds
        elapsed = time.perf_counter() - self._started
        return left * elapsed / done if done >= FEWEST_SECONDS else left
