"""From a run, which is named by its folder or its run.json, to its files."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from materials.errors import RequestError, with_kind

RUN_FILE = "run.json"


def run_folder(place: Path) -> Path:
    """The folder of a run that is named by its folder or by a file in it."""
    return place if place.is_dir() else place.parent


def run_file(place: Path) -> Path:
    """The run.json of a run, or the file itself that was named."""
    return place / RUN_FILE if place.is_dir() else place


@contextmanager
def refusing_odd_values(*places: Path) -> Iterator[None]:
    """Turn what tables raise for values that no run writes into a sentence.

    A run file keeps its recipe, machine and labelling as they were, in groups of keys that only their readers know.
    """
    try:
        yield
    except RequestError:
        raise
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
        files = " and ".join(str(run_file(place)) for place in places)
        raise RequestError(
            f"no table can be made of {files}: a value is odd or missing ({with_kind(error)})"
        ) from error
