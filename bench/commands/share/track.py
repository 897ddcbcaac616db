"""The command `track`, and `run --track`: finished runs are written to a tracker of experiments."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from bench.reports.screen import Screen
from bench.suite.summary import runs_in
from bench.trackers.to_mlflow import write_to_mlflow
from bench.trackers.tracked import TrackedRun, tracked_run
from materials.errors import RequestError, in_one_line, unknown
from materials.report import Report

TRACKERS: dict[str, Callable[[TrackedRun, str | None, Report], str]] = {"mlflow": write_to_mlflow}
SECRETS = re.compile(r"(?<=://)[^/@\s]*@")  # name and password in a URI


@dataclass(frozen=True, kw_only=True)
class Tracker:
    """A tracker by its name in TRACKERS, and where it keeps runs; by its own settings where no URI was given."""

    name: str
    uri: str | None

    def __str__(self) -> str:
        return self.name if self.uri is None else f"{self.name}:{_without_secrets(self.uri)}"


def read_tracker(text: str) -> Tracker:
    """The tracker of a text such as mlflow:URI. Raises RequestError for one that is unknown, or not installed."""
    name, _, uri = text.partition(":")
    if name not in TRACKERS:
        raise RequestError(unknown("tracker", name, TRACKERS))
    if find_spec(name) is None:
        raise RequestError(f"the tracker {name} needs its package; install distilbench with its extra 'track'")
    return Tracker(name=name, uri=uri or None)


def track_runs(places: Sequence[Path], tracker: Tracker) -> None:
    """Write recorded runs to a tracker, of those with several tasks each, and print where they are.

    Raises RequestError where there is no run, and where the tracker does not take it; runs themselves are only read.
    """
    screen = Screen()
    for place in (part for whole in places for part in runs_in(whole)):
        run = tracked_run(place)
        try:
            with screen.step(f"{place} to {tracker}") as report:
                uri = TRACKERS[tracker.name](run, tracker.uri, report)
        except Exception as error:  # of the tracker, its network or its database: dozens of kinds
            reason = _without_secrets(in_one_line(error))
            raise RequestError(
                f"could not write {place} to {tracker}: {reason}; the run itself is whole, and "
                f"`distilbench track {place} --to {tracker}` tries again"
            ) from error
        models = f"{len(run.models)} model{'s' if len(run.models) > 1 else ''}"
        print(f"{place} is in {tracker.name} at {_without_secrets(uri)}: experiment '{run.experiment}', {models}")


def _without_secrets(text: str) -> str:
    return SECRETS.sub("", text)
