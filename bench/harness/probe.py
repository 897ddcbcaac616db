"""A fixed piece of work, the same whatever the model, whose time says how fast the processor is at this moment.

A host that is shared may run a virtual machine at another speed without telling it: neither other processes nor stolen
time show that, and a model's own times do not tell a slow model from a slow moment. This work does.
"""

import contextlib
import mmap
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from bench.harness.series import Series
from export.memory import peak_bytes, reset_peak

VERSION = 1  # of the work below: times of another version are not compared with it
SCENARIO, PRODUCT, COPY = "probe", "product", "copy"
REPEATS = 7
# 48^3 multiplications a product are below what OpenBLAS gives to a second thread (64^3), whatever its settings say.
PRODUCTS, SIDE = 400, 48
# Copied to another half. Half as many bytes lie in a shared cache at one moment and beyond it at the next: on a busy
# host their times lay up to 3.5 apart, and those of these 16 MiB as near together as the products' (1.8).
HALF_BYTES = 8 * 2**20


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Nanoseconds of the thread on its processor, each int64 (repeats,): of matrix products, and of copying memory.

    `moment` is the measurement that came next, or "after" the last of them.
    """

    moment: str
    product: np.ndarray
    copy: np.ndarray

    def as_figures(self) -> dict[str, str | float]:
        """The moment, and the median of each kind of work in milliseconds."""
        medians = {f"{kind}_ms": float(np.median(getattr(self, kind))) / 1e6 for kind in (PRODUCT, COPY)}
        return {"moment": self.moment, **medians}


@dataclass(kw_only=True)
class Probes:
    """The readings of one launch. The memory that they take is kept out of the peak of what is measured."""

    readings: list[Reading] = field(default_factory=list)
    earlier_peak_bytes: int = 0

    def take(self, moment: str) -> None:
        """Take a reading before the measurement of this name."""
        self.earlier_peak_bytes = self.peak_bytes()
        self.readings.append(take_reading(moment))
        reset_peak()

    def peak_bytes(self) -> int:
        """The largest resident memory so far, in bytes, without that of the probe."""
        return max(self.earlier_peak_bytes, peak_bytes())

    def series(self) -> list[Series]:
        """The raw times, one round a reading; nothing before there is one."""
        return [
            Series(
                scenario=SCENARIO,
                figure=kind,
                batch_size=1,
                texts=0,
                nanoseconds=np.concatenate([getattr(reading, kind) for reading in self.readings]),
                round_calls=REPEATS,
            )
            for kind in (PRODUCT, COPY)
            if self.readings
        ]


def take_reading(moment: str, *, clock: Callable[[], int] = time.thread_time_ns) -> Reading:
    """Do the work seven times, some 40 ms in all, after once that is not counted.

    The clock is the thread's own time on a processor, in nanoseconds: what other processes of this machine take is
    watched apart (`neighbours`), and waiting for them is no sign of a slow processor.
    """
    # A map of its own: memory from malloc would change how the runtime's own memory is had from then on (glibc raises
    # its bound for maps to the largest block that was ever freed). It is given back when this function ends.
    memory = mmap.mmap(-1, 2 * HALF_BYTES)
    if hasattr(mmap, "MADV_NOHUGEPAGE"):  # else the time depends on whether the system has large pages left
        with contextlib.suppress(OSError):  # a kernel that has none to begin with
            memory.madvise(mmap.MADV_NOHUGEPAGE)
    source, target = np.frombuffer(memory, dtype=np.float32).reshape(2, -1)
    source.reshape(-1, 1024)[:] = np.linspace(0.5, 1.0, 1024, dtype=np.float32)
    shape = (PRODUCTS, SIDE, SIDE)
    size = PRODUCTS * SIDE * SIDE
    left, products = source[:size].reshape(shape), target[:size].reshape(shape)

    def multiply() -> None:
        np.matmul(left, left[0], out=products)

    def copy() -> None:
        np.copyto(target, source)

    return Reading(moment=moment, product=_times(multiply, clock), copy=_times(copy, clock))


def _times(work: Callable[[], None], clock: Callable[[], int]) -> np.ndarray:
    work()
    times = []
    for _ in range(REPEATS):
        start_ns = clock()
        work()
        times.append(clock() - start_ns)
    return np.array(times, dtype=np.int64)
