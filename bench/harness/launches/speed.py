"""The best speed that this machine ever showed, and how far a launch was from it."""

import contextlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from bench.harness.measurement import Measurement
from bench.harness.probe import COPY, PRODUCT, VERSION
from materials.files import digest, write_json

TOLERANCE = 0.10
KINDS = (f"{PRODUCT}_ms", f"{COPY}_ms")
MACHINE_KEYS = ("processor", "instruction_sets", "cores")
FOLDER = "speed"


class BestSpeed:
    """The shortest time of each kind of probe, in milliseconds, remembered in a cache folder for one kind of machine.

    Machines that share the folder each have a record of their own: by processor, cores and the version of numpy, which
    does the work. A record is only ever made faster. Where the folder cannot be written to, the best is that of this
    process and of what was remembered before.
    """

    def __init__(self, root: Path, machine: Mapping[str, Any]) -> None:
        self.machine = {name: machine[name] for name in MACHINE_KEYS} | {"numpy": np.__version__, "probe": VERSION}
        self.file = root / FOLDER / f"{digest(self.machine)}.json"
        self.best_ms = self._remembered()

    def remember(self, probes: Sequence[Mapping[str, Any]]) -> None:
        """Take in the readings of a launch, as `Reading.as_figures` gives them."""
        self.best_ms = _fastest([self.best_ms, self._remembered(), *probes])
        if self.best_ms == self._remembered():
            return
        with contextlib.suppress(OSError):  # a cache that may only be read: the docstring says what then
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(self.file.with_suffix(".lock")):  # another process may have been faster meanwhile
                self.best_ms = _fastest([self.best_ms, self._remembered()])
                write_json(self.file, {"machine": self.machine, "best": self.best_ms})

    def slowdown(self, probes: Sequence[Mapping[str, Any]]) -> float | None:
        """How many times its best the slowest reading took, at least 1; none without readings."""
        ratios = [probe[kind] / self.best_ms[kind] for probe in probes for kind in KINDS if kind in self.best_ms]
        return max(1.0, *ratios) if ratios else None

    def judged(self, launch: Measurement) -> Measurement:
        """The measurement of a launch with its `slowdown`, and with that among the reasons of its `noise` if large."""
        slowdown = self.slowdown(launch.figures.get("probes", ()))
        if slowdown is None:
            return launch
        reasons = (launch.figures["noise"], _why_slow(slowdown))
        noise = "; ".join(reason for reason in reasons if reason) or None
        return Measurement(
            figures={**launch.figures, "slowdown": slowdown, "noise": noise},
            logits=launch.logits,
            samples=launch.samples,
        )

    def _remembered(self) -> dict[str, float]:
        """What the record holds; nothing where there is none, or a damaged one, which is written anew."""
        try:
            best = json.loads(self.file.read_text(encoding="utf-8"))["best"]
            return {kind: float(best[kind]) for kind in KINDS if 0 < float(best[kind]) < float("inf")}
        except (OSError, ValueError, KeyError, TypeError):
            return {}


def _fastest(readings: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    return {
        kind: min(reading[kind] for reading in readings if kind in reading)
        for kind in KINDS
        if any(kind in reading for reading in readings)
    }


def _why_slow(slowdown: float) -> str | None:
    if slowdown <= 1 + TOLERANCE:
        return None
    return (
        f"the processor took {slowdown:.2f} times as long for a fixed piece of work as it does at its best (up to "
        f"{1 + TOLERANCE:.2f} is quiet)"
    )
