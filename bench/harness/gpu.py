"""A GPU's own clock, memory, energy and processes. A figure is none where NVML, or the GPU, does not answer."""

import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np

ENERGY_SECONDS = 2.0


def time_events(call: Callable[[int], object], calls: int, *, cuda: Any = None) -> np.ndarray:
    """Nanoseconds between two CUDA events around each call, int64; of a call that synchronises, about its wall time."""
    if cuda is None:
        from torch import cuda
    times = []
    for number in range(calls):
        start_event, end_event = cuda.Event(enable_timing=True), cuda.Event(enable_timing=True)
        start_event.record()
        call(number)
        end_event.record()
        cuda.synchronize()
        times.append(start_event.elapsed_time(end_event) * 1e6)
    return np.array(times, dtype=np.int64)


class Nvml:
    """The GPU that torch computes on, through NVML, which the package nvidia-ml-py reaches (extra `gpu`)."""

    def __init__(self, library: Any, uuid: str | None = None) -> None:
        self.library = library
        library.nvmlInit()
        self.handle = library.nvmlDeviceGetHandleByUUID(uuid) if uuid else library.nvmlDeviceGetHandleByIndex(0)

    @classmethod
    def open(cls) -> "Nvml | None":
        """NVML where the package and a driver are there, else none."""
        try:
            import pynvml
            import torch

            uuid = f"GPU-{torch.cuda.get_device_properties(0).uuid}" if torch.cuda.is_available() else None
            return cls(pynvml, uuid)
        except ImportError:
            return None
        except pynvml.NVMLError:
            return None

    def other_processes(self) -> int | None:
        """How many processes compute on the GPU beside this one and the one that started it, which may have trained."""
        processes = self._ask(self.library.nvmlDeviceGetComputeRunningProcesses)
        family = (os.getpid(), os.getppid())
        return None if processes is None else sum(process.pid not in family for process in processes)

    def own_memory_bytes(self) -> int | None:
        """Device memory of this process; its runtimes keep what they once had, so afterwards it is the peak.

        None in a container that has process numbers of its own.
        """
        processes = self._ask(self.library.nvmlDeviceGetComputeRunningProcesses) or ()
        return next((process.usedGpuMemory for process in processes if process.pid == os.getpid()), None)

    def energy_per_call_millijoules(self, call: Callable[[], object]) -> float | None:
        """What the whole GPU uses, idle parts too, while a call is made again and again, over the number of calls.

        The counter moves every tenth of a second or so: a shorter time reads as nothing, or as all that came before it.
        """
        call_count, started = 0, time.perf_counter()
        at_start = self._ask(self.library.nvmlDeviceGetTotalEnergyConsumption)
        if at_start is None:
            return None
        while time.perf_counter() - started < ENERGY_SECONDS:
            call()
            call_count += 1
        at_end = self._ask(self.library.nvmlDeviceGetTotalEnergyConsumption)
        return None if at_end is None else (at_end - at_start) / call_count

    def _ask(self, query: Callable[[Any], Any]) -> Any:
        try:
            return query(self.handle)
        except self.library.NVMLError:  # older GPUs and some drivers do not answer everything
            return None
