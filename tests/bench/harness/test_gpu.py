import os
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest
from sample_clock import Clock

from bench.harness.gpu import Nvml, time_events


class NVMLError(Exception):
    pass


class Cuda:
    """A device that computes after the call has returned; its events read the device's clock."""

    def __init__(self):
        self.device, self.queue = Clock(), []

    def Event(self, *, enable_timing):  # noqa: N802
        assert enable_timing
        return Event(self)

    def synchronize(self):
        while self.queue:
            self.queue.pop(0)()


class Event:
    def __init__(self, cuda):
        self.cuda, self.at = cuda, None

    def record(self):
        self.cuda.queue.append(lambda: setattr(self, "at", self.cuda.device.now))

    def elapsed_time(self, later):
        return (later.at - self.at) / 1e6


class Library:
    """NVML of a machine with one GPU, where these questions have no answer."""

    NVMLError = NVMLError

    def __init__(self, *, processes=(), unanswered=()):
        self.processes, self.unanswered = processes, unanswered

    def nvmlInit(self):  # noqa: N802
        if "nvmlInit" in self.unanswered:
            raise NVMLError("no driver")

    def nvmlDeviceGetHandleByIndex(self, index):  # noqa: N802
        return f"gpu {index}"

    def nvmlDeviceGetComputeRunningProcesses(self, handle):  # noqa: N802
        return self._answer("processes", handle, list(self.processes))

    def nvmlDeviceGetTotalEnergyConsumption(self, handle):  # noqa: N802
        return self._answer("energy", handle, 12_500)

    def _answer(self, question, handle, answer):
        assert handle == "gpu 0"
        if question in self.unanswered:
            raise NVMLError("not supported")
        return answer


def process(pid, used):
    return SimpleNamespace(pid=pid, usedGpuMemory=used)


def test_events_count_the_time_of_the_device_call_by_call():
    cuda = Cuda()

    def call(number):
        cuda.queue.append(lambda: cuda.device.work(number + 0.5))

    times = time_events(call, 4, cuda=cuda)
    assert times.dtype == np.int64
    assert times.tolist() == [500_000, 1_500_000, 2_500_000, 3_500_000]


def test_other_processes_are_counted_without_this_one_and_its_parent():
    own_processes = [process(os.getpid(), 5), process(os.getppid(), 6)]
    assert Nvml(Library(processes=[*own_processes, process(1, 7), process(2, 9)])).other_processes() == 2
    assert Nvml(Library()).other_processes() == 0


def test_own_memory_is_that_of_this_process():
    nvml = Nvml(Library(processes=[process(1, 7), process(os.getpid(), 5)]))
    assert nvml.own_memory_bytes() == 5
    assert Nvml(Library(processes=[process(1, 7)])).own_memory_bytes() is None


def test_energy_of_a_call_is_that_of_a_while_over_its_calls(monkeypatch):
    """A counter that moves in steps, as a GPU's does, would read 0 or a whole step around a single call."""
    monkeypatch.setattr("bench.harness.gpu.ENERGY_SECONDS", 0.02)
    library, calls = Library(), []
    library.nvmlDeviceGetTotalEnergyConsumption = lambda handle: 500 * (len(calls) * 30 // 500)
    energy = Nvml(library).energy_per_call_millijoules(lambda: calls.append(time.sleep(1e-4)))
    assert len(calls) > 20
    assert energy == pytest.approx(30, abs=500 / len(calls))


def test_what_the_gpu_does_not_answer_is_none():
    nvml = Nvml(Library(processes=[process(1, 7)], unanswered=("processes", "energy")))
    assert (nvml.other_processes(), nvml.own_memory_bytes()) == (None, None)
    assert nvml.energy_per_call_millijoules(lambda: pytest.fail("called for nothing")) is None


def test_nvml_is_none_without_its_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert Nvml.open() is None


def test_nvml_is_none_without_a_driver(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", Library(unanswered=("nvmlInit",)))
    assert Nvml.open() is None


def test_nvml_opens_the_first_gpu(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", Library())
    assert Nvml.open().handle == "gpu 0"
