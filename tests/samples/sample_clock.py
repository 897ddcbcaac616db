"""A clock that only work, sleep and, where asked, looking at it move."""

from collections.abc import Callable


class Clock:
    """Stands in for the module `time`; `tick` nanoseconds pass whenever it is read, so that waiting loops end."""

    def __init__(self, tick: int = 0) -> None:
        self.now = 0
        self.tick = tick

    def perf_counter_ns(self) -> int:
        self.now += self.tick
        return self.now

    def perf_counter(self) -> float:
        return self.perf_counter_ns() / 1e9

    def sleep(self, seconds: float) -> None:
        self.work(seconds * 1e3)

    def work(self, milliseconds: float) -> None:
        self.now += round(milliseconds * 1e6)


def constant(clock: Clock, milliseconds: float) -> Callable[[int], None]:
    """A call that always takes this long."""
    return lambda number: clock.work(milliseconds)
