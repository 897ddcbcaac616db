"""One launch of a file, made again where something disturbed it, as far as time allows."""

import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.harness.isolation import MeasurementFailed, measure_in_fresh_process
from bench.harness.launches.speed import BestSpeed
from bench.harness.measurement import RESULT, Measurement, read_measurement
from bench.harness.workload import Workload
from materials.files import write_json
from materials.modalities import Item

MOST_TRIES, MOST_SECONDS = 3, 60.0


@dataclass(kw_only=True)
class Patience:
    """The seconds that all files of a run together may still spend on launches that are made again.

    A machine that is slow for an hour makes no launch quiet, however often it is made.
    """

    seconds: float = MOST_SECONDS


def measure_quietly(
    workload: Workload,
    items: Sequence[Item],
    folder: Path,
    best: BestSpeed,
    *,
    tries: int | None = None,
    patience: Patience | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Fill `folder` with what a launch writes; a launch that was not quiet is made again, up to three in all.

    That is done while all tries take a minute at most, with the next, which is taken to last as long as the mean of
    those before, and while the `patience` that files share lasts. The first quiet one counts, or else the one at the
    highest speed; `tries` in result.json says how many there were. What is not timed is tried once. Raises
    MeasurementFailed where the first launch fails.
    """
    most_tries = (MOST_TRIES if tries is None else tries) if workload.scenarios else 1
    patience, start_seconds = patience or Patience(), clock()
    # Within the folder, so that what counts is only renamed, and nothing is left beside it by a process that is killed.
    with tempfile.TemporaryDirectory(dir=folder, prefix=".tries-") as scratch:
        launches: list[tuple[Path, Measurement]] = []
        while len(launches) < most_tries:
            try_seconds = clock()
            place = Path(scratch) / str(len(launches))
            place.mkdir()
            try:
                measure_in_fresh_process(workload, items, place)
            except MeasurementFailed:
                if not launches:
                    raise
                break  # an earlier launch was sound, if not quiet
            launch = read_measurement(place)
            best.remember(launch.figures)
            patience.seconds -= clock() - try_seconds if launches else 0.0
            launches.append((place, launch))
            mean_seconds = (clock() - start_seconds) / len(launches)
            is_too_long = mean_seconds * (len(launches) + 1) > MOST_SECONDS or mean_seconds > patience.seconds
            if is_too_long or not best.judged(launch).figures.get("noise"):
                break
        # Judged once more, as a later launch may have been the fastest that this machine ever showed.
        place, launch = min(launches, key=lambda pair: _rank(best.judged(pair[1])))
        write_json(place / RESULT, {**read_measurement(place).figures, "tries": len(launches)})
        for file in place.iterdir():
            shutil.move(file, folder / file.name)


def _rank(launch: Measurement) -> tuple[bool, float]:
    """Quiet launches first, then those at the highest speed."""
    return bool(launch.figures.get("noise")), launch.figures.get("slowdown") or 1.0
