"""How fast this machine is from moment to moment, by many readings of the probe."""

from collections.abc import Sequence

import numpy as np

from bench.harness.launches.speed import TOLERANCE, BestSpeed
from bench.harness.probe import take_reading
from bench.record.machine import describe_machine
from bench.reports.layout import TextTable
from bench.reports.screen import Screen
from materials.files import cache_folder

READINGS = 300


def read_speed(screen: Screen) -> list[float]:
    """How many times the machine's best each of 300 readings took, one after the other, in some 20 seconds."""
    best = BestSpeed(cache_folder(), describe_machine())
    readings = []
    with screen.step(f"the machine's speed: {READINGS} probes") as report:
        for number in range(READINGS):
            readings.append(take_reading("self-check").as_figures())
            report(number + 1, READINGS)
    best.remember({"probes": readings})
    return [best.slowdown({"probes": [reading]}) or 1.0 for reading in readings]


def speed_table(slowdowns: Sequence[float]) -> TextTable:
    """Where the readings lie, and how many are within what counts as quiet."""
    shares = (0.5, 0.75, 0.9, 0.95, 1.0)
    header = ("probe", "readings", "50 %", "75 %", "90 %", "95 %", "slowest", f"within {TOLERANCE:.0%}")
    times = [f"{quantile:.3f}" for quantile in np.quantile(slowdowns, shares)]
    quiet_share = np.mean([slowdown <= 1 + TOLERANCE for slowdown in slowdowns])
    line = ["product or copy", str(len(slowdowns)), *times, f"{quiet_share:.0%}"]
    return "the machine's speed: times its best that a fixed piece of work took", header, [line]
