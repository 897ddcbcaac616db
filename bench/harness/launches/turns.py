"""Several launches of several files, in turns."""

from collections.abc import Callable, Sequence

from bench.harness.isolation import MeasurementFailed
from bench.harness.launches.merged import merge_launches
from bench.harness.launches.speed import BestSpeed
from bench.harness.measurement import Measurement


def launch_files(
    counts: Sequence[int],
    launch: Callable[[int, int], Measurement],
    best: BestSpeed,
    *,
    on_failure: Callable[[int, str], None],
) -> list[Measurement | str]:
    """The measurement of each file, or the sentence that says why one of its launches failed.

    `counts` says how often each file is launched. All are launched once, then all again, so that what changes in the
    machine meanwhile befalls all of them. `launch` is given the positions of a file and of its launch; a file whose
    launch raised MeasurementFailed is told of by `on_failure`, and is not launched again.
    """
    launches: list[list[Measurement]] = [[] for _ in counts]
    failures: dict[int, str] = {}
    for number in range(max(counts, default=0)):
        for position, count in enumerate(counts):
            if number >= count or position in failures:
                continue
            try:
                launches[position].append(launch(position, number))
            except MeasurementFailed as failure:
                failures[position] = str(failure)
                on_failure(position, str(failure))
                continue
            best.remember(launches[position][-1].figures)
    # Judged once all are there: a machine that is measured on for the first time shows its best speed only by and by.
    return [
        failures[position] if position in failures else merge_launches(of_file, best)
        for position, of_file in enumerate(launches)
    ]
