"""A launch is made again while it is not quiet and time allows; no process is started here, and no time passes."""

import json
import shutil

import numpy as np
import pytest

from bench.harness.isolation import MeasurementFailed
from bench.harness.launches import quiet
from bench.harness.launches.quiet import Patience, measure_quietly
from bench.harness.launches.speed import BestSpeed
from bench.harness.measurement import read_measurement
from bench.harness.workload import Workload

MACHINE = {"processor": "A", "instruction_sets": [], "cores": 2}
TIMED = Workload(model="here", threads=1, scenarios=("single-stream",))


class Machine:
    """Launches whose probes take the given milliseconds, each launch some seconds."""

    def __init__(self, *probe_ms, seconds=2.0, noise=None):
        self.probe_ms, self.seconds, self.noise, self.now, self.count = list(probe_ms), seconds, noise, 0.0, 0

    def launch(self, workload, items, folder):
        ms = self.probe_ms[self.count]
        self.count, self.now = self.count + 1, self.now + self.seconds
        probes = [{"moment": "after", "product_ms": ms, "copy_ms": 1.0}] if workload.scenarios else []
        figures = {"latency_p50_ms": ms, "noise": self.noise, "probes": probes}
        (folder / "result.json").write_text(json.dumps(figures))
        np.save(folder / "logits.npy", np.full((1, 2), ms))


@pytest.fixture
def measured(monkeypatch, tmp_path):
    """A function that measures on a machine whose best probe took 10 ms, and gives the figures that count."""
    best = BestSpeed(tmp_path, MACHINE)
    best.remember({"probes": [{"moment": "after", "product_ms": 10.0, "copy_ms": 1.0}]})

    def run(machine, workload=TIMED, tries=3, patience=None):
        folder = tmp_path / "out"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        monkeypatch.setattr(quiet, "measure_in_fresh_process", machine.launch)
        measure_quietly(workload, ["a text"], folder, best, tries=tries, patience=patience, clock=lambda: machine.now)
        assert sorted(path.name for path in folder.iterdir()) == ["logits.npy", "result.json"]
        measurement = read_measurement(folder)
        assert measurement.logits[0, 0] == measurement.figures["latency_p50_ms"]
        return measurement.figures

    return run


def test_quiet_launch_is_made_once(measured):
    machine = Machine(10.0)
    assert measured(machine)["tries"] == machine.count == 1


def test_slow_launch_is_made_again_until_one_is_quiet(measured):
    figures = measured(Machine(16.0, 10.5, 10.0))
    assert (figures["latency_p50_ms"], figures["tries"]) == (10.5, 2)


def test_of_three_slow_launches_the_one_at_the_highest_speed_counts(measured):
    figures = measured(Machine(16.0, 14.0, 17.0))
    assert (figures["latency_p50_ms"], figures["tries"]) == (14.0, 3)


def test_launch_with_busy_neighbours_is_made_again_too(measured):
    assert measured(Machine(10.0, 10.0, 10.0, noise="other processes kept 1.0 cores busy"))["tries"] == 3


@pytest.mark.parametrize(("seconds", "tries"), [(15.0, 3), (25.0, 2), (31.0, 1)])
def test_no_launch_is_made_again_that_would_take_all_beyond_a_minute(measured, seconds, tries):
    assert measured(Machine(16.0, 16.0, 16.0, seconds=seconds))["tries"] == tries


def test_files_of_a_run_share_the_time_for_what_is_made_again(measured):
    """Two more launches of ten seconds for the first file, one for the second, and none for the third."""
    patience = Patience(seconds=35.0)
    tries = [measured(Machine(16.0, 16.0, 16.0, seconds=10.0), patience=patience)["tries"] for _ in range(3)]
    assert tries == [3, 2, 1]
    assert patience.seconds == 5.0


def test_first_slow_launch_on_a_faster_machine_teaches_its_best(measured):
    """A launch faster than all before is the new best, by which the next one is judged."""
    assert measured(Machine(8.0))["tries"] == 1


def test_what_is_not_timed_is_launched_once(measured):
    machine = Machine(16.0, noise="busy")
    measured(machine, Workload(model="here", threads=1))
    assert machine.count == 1


def test_process_that_fails_is_not_tried_again(measured, tmp_path):
    machine = Machine(16.0)
    machine.launch = lambda workload, items, folder: (_ for _ in ()).throw(MeasurementFailed("it crashed"))
    with pytest.raises(MeasurementFailed, match="it crashed"):
        measured(machine)
    assert list((tmp_path / "out").iterdir()) == []


def test_later_launch_that_fails_leaves_the_one_before(measured):
    machine = Machine(16.0)
    launch = machine.launch

    def once(workload, items, folder):
        if machine.count:
            raise MeasurementFailed("it crashed")
        launch(workload, items, folder)

    machine.launch = once
    figures = measured(machine)
    assert (figures["latency_p50_ms"], figures["tries"]) == (16.0, 1)


def test_launches_on_a_machine_that_is_new_are_held_against_the_fastest_of_them(measured):
    """Of two with busy neighbours the first is judged while it is the fastest yet; it is 1.6 times slower."""
    figures = measured(Machine(8.0, 5.0, 5.0, noise="busy"))
    assert figures["latency_p50_ms"] == 5.0
