"""The best speed that this machine ever showed, and how far a launch was from it."""

import contextlib
import json
from collections.abc import Mapping
from dataclasses import replace
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
FOLDER, ONE_THREAD = "speed", "1 thread"
Best = dict[str, dict[str, float]]  # milliseconds of each kind, by how many threads of which runtime a launch had


class BestSpeed:
    """The shortest time of each kind of probe, in milliseconds, remembered in a cache folder for one kind of machine.

    Machines that share the folder each have a record of their own: by processor, cores and the version of numpy, which
    does the work. A record is only ever made faster. Where the folder cannot be written to, the best is that of this
    process and of what was remembered before.

    Launches with several threads have a best of their own for each number of threads and runtime: idle threads of some
    runtimes spin, which takes from a neighbouring core, and is the launch's own doing.
    """

    def __init__(self, root: Path, machine: Mapping[str, Any]) -> None:
        self.machine = {name: machine[name] for name in MACHINE_KEYS} | {"numpy": np.__version__, "probe": VERSION}
        self.file = root / FOLDER / f"{digest(self.machine)}.json"
        self.best_ms = self._remembered()

    def remember(self, figures: Mapping[str, Any]) -> None:
        """Take in the `probes` among the figures of a launch, each as `Reading.as_figures` gives it."""
        probes = figures.get("probes", ())
        of_launch = {kind: min(probe[kind] for probe in probes) for kind in KINDS if probes}
        self.best_ms = _fastest(self.best_ms, {_threads(figures): of_launch} if of_launch else {})
        remembered = self._remembered()
        if _fastest(self.best_ms, remembered) == remembered:
            self.best_ms = remembered
            return
        with contextlib.suppress(OSError):  # a cache that may only be read: the docstring says what then
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(self.file.with_suffix(".lock")):  # another process may have been faster meanwhile
                self.best_ms = _fastest(self.best_ms, self._remembered())
                write_json(self.file, {"machine": self.machine, "best_ms": self.best_ms})

    def slowdown(self, figures: Mapping[str, Any]) -> float | None:
        """How many times its best the slowest probe of a launch took, at least 1; none without probes."""
        best_ms = self.best_ms.get(_threads(figures), {})
        ratios = [probe[kind] / best_ms[kind] for probe in figures.get("probes", ()) for kind in best_ms]
        return max(1.0, *ratios) if ratios else None

    def judged(self, launch: Measurement) -> Measurement:
        """The measurement of a launch with its `slowdown`, and with that among the reasons of its `noise` if large."""
        slowdown = self.slowdown(launch.figures)
        if slowdown is None:
            return launch
        reasons = (launch.figures["noise"], _why_slow(slowdown))
        noise = "; ".join(reason for reason in reasons if reason) or None
        return replace(launch, figures={**launch.figures, "slowdown": slowdown, "noise": noise})

    def _remembered(self) -> Best:
        """What the record holds; nothing where there is none, or a damaged one, which is written anew."""
        try:
            content = json.loads(self.file.read_text(encoding="utf-8"))["best_ms"]
            best = {threads: {kind: float(times[kind]) for kind in KINDS} for threads, times in content.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}
        is_sound = all(0 < ms < float("inf") for times in best.values() for ms in times.values())
        return best if is_sound else {}


def _threads(figures: Mapping[str, Any]) -> str:
    """What the launches of one best have in common."""
    count = figures.get("intra_op_threads", 1)
    return ONE_THREAD if count == 1 else f"{count} threads of {figures.get('provider')}"


def _fastest(best: Best, other: Best) -> Best:
    """The shorter time of each kind, for all that either holds."""
    return {
        threads: {kind: min(times[threads][kind] for times in (best, other) if threads in times) for kind in KINDS}
        for threads in sorted({*best, *other})
    }


def _why_slow(slowdown: float) -> str | None:
    if slowdown <= 1 + TOLERANCE:
        return None
    return (
        f"the processor took {slowdown:.2f} times as long for a fixed piece of work as it does at its best (up to "
        f"{1 + TOLERANCE:.2f} is quiet)"
    )
