import subprocess
import sys
import time
from collections import namedtuple

import pytest

from bench.harness import neighbours
from bench.harness.neighbours import Neighbours, Noise, noise_before

Times = namedtuple("Times", "user nice system idle iowait steal guest guest_nice")
ProcessTimes = namedtuple("ProcessTimes", "user system")


class Machine:
    """psutil and a clock for a machine whose processor times are set by hand."""

    def __init__(self):
        self.machine, self.process_times, self.now = Times(*[0.0] * 8), ProcessTimes(0.0, 0.0), 0.0

    def cpu_times(self):
        return self.machine

    def perf_counter(self):
        return self.now

    def Process(self):  # noqa: N802
        return type("Process", (), {"cpu_times": lambda process: self.process_times})()


@pytest.fixture
def machine(monkeypatch):
    machine = Machine()
    monkeypatch.setattr(neighbours, "psutil", machine)
    monkeypatch.setattr(neighbours, "time", machine)
    return machine


@pytest.fixture
def busy_process():
    program = "print(flush=True)\nwhile True: pass"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        yield process
        process.kill()


@pytest.mark.usefixtures("busy_process")
def test_a_busy_process_is_seen_meanwhile():
    watch = Neighbours()
    time.sleep(0.6)
    noise = watch.noise()
    assert noise.busy_cores > neighbours.BUSY_CORES
    assert "cores busy meanwhile" in noise.reason("meanwhile")


@pytest.mark.usefixtures("busy_process")
def test_a_busy_process_is_seen_beforehand():
    assert noise_before().busy_cores > neighbours.BUSY_CORES


def test_what_others_use_is_all_but_idle_time_and_this_process(machine):
    watch = Neighbours()
    machine.machine = Times(user=9.0, nice=3.0, system=2.0, idle=60.0, iowait=5.0, steal=1.0, guest=4.0, guest_nice=0.0)
    machine.process_times, machine.now = ProcessTimes(4.0, 1.0), 10.0
    noise = watch.noise()
    assert noise.busy_cores == pytest.approx((9 + 3 + 2 - 5) / 10)
    assert noise.stolen_share == pytest.approx(1 / 80)


def test_work_of_this_process_alone_is_no_noise(machine):
    watch = Neighbours()
    machine.machine = Times(7.9, 0.0, 1.0, 60.0, 0.0, 0.0, 0.0, 0.0)
    machine.process_times, machine.now = ProcessTimes(8.0, 1.0), 10.0  # its own ticks are finer than the machine's
    assert watch.noise() == Noise(busy_cores=0.0, stolen_share=0.0)


@pytest.mark.parametrize(
    ("busy_cores", "stolen_share", "reason"),
    [
        (0.0, 0.0, None),
        (0.25, 0.02, None),
        (0.3, 0.0, "other processes kept 0.3 cores busy just before"),
        (0.0, 0.05, "the hypervisor took 5% of the processor just before"),
        (
            1.5,
            0.05,
            "other processes kept 1.5 cores busy just before; the hypervisor took 5% of the processor just before",
        ),
    ],
)
def test_reason_is_given_only_beyond_the_bounds(busy_cores, stolen_share, reason):
    assert Noise(busy_cores=busy_cores, stolen_share=stolen_share).reason("just before") == reason
