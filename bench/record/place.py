"""From a run, which is named by its folder or its run.json, to its files."""

from pathlib import Path

RUN_FILE = "run.json"


def run_folder(place: Path) -> Path:
    """The folder of a run that is named by its folder or by a file in it."""
    return place if place.is_dir() else place.parent


def run_file(place: Path) -> Path:
    """The run.json of a run, or the file itself that was named."""
    return place / RUN_FILE if place.is_dir() else place
