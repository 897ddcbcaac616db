"""A GPU's own clock, memory, energy and users. Everything is none where NVML, or the GPU, does not answer."""

import os
from collections.abc import Callable
from typing import Any

import numpy as np


def time_events(call: Callable[[int], object], calls: int, *, cuda: Any = None) -> np.ndarray:
    """Nanoseconds of each call as CUDA events count them on the device, int64; the call must not synchronise."""
    if cuda is None:
        from torch import cuda
    times = []
    for number in range(calls):
        began, ended = cuda.Event(enable_timing=True), cuda.Event(enable_timing=True)
        began.record()
        call(number)
        ended.record()
        cuda.synchronize()
        times.append(began.elapsed_time(ended) * 1e6)
    return np.array(times, dtype=np.int64)


class Nvml:
    """One GPU through NVML, which the package nvidia-ml-py reaches (extra `gpu`)."""

    def __init__(self, library: Any, index: int = 0) -> None:
        self.library = library
        library.nvmlInit()
        self.handle = library.nvmlDeviceGetHandleByIndex(index)

    @classmethod
    def open(cls) -> "Nvml | None":
        """NVML where the package and a driver are there, else none."""
        try:
            import pynvml

            return cls(pynvml)
        except ImportError:
            return None
        except pynvml.NVMLError:
            return None

    def processes(self) -> int | None:
        """How many processes compute on the GPU."""
        running = self._ask(self.library.nvmlDeviceGetComputeRunningProcesses)
        return None if running is None else len(running)

    def own_memory_bytes(self) -> int | None:
        """Device memory of this process; its runtimes keep what they once had, so afterwards it is the peak."""
        running = self._ask(self.library.nvmlDeviceGetComputeRunningProcesses) or ()
        return next((process.usedGpuMemory for process in running if process.pid == os.getpid()), None)

    def energy_millijoules(self) -> int | None:
        """What the GPU has used since its driver was loaded."""
        return self._ask(self.library.nvmlDeviceGetTotalEnergyConsumption)

    def _ask(self, question: Callable[[Any], Any]) -> Any:
        try:
            return question(self.handle)
        except self.library.NVMLError:  # older GPUs and some drivers do not answer everything
            return None
