"""Reading the tables that stand beside run.json."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from bench.record.place import run_folder
from materials.errors import RequestError, in_one_line
from materials.files import read_parquet


def read_beside(place: Path, name: str) -> pd.DataFrame:
    """A table of a run by its name, empty where the run keeps none. Raises RequestError for a damaged one."""
    file = run_folder(place) / name
    if not file.is_file():
        return pd.DataFrame()
    with refusing_damage(file):
        return read_parquet(file)


@contextmanager
def refusing_damage(file: Path) -> Iterator[None]:
    """Turn what pyarrow raises for a file that is cut short, or is no Parquet, into a sentence."""
    try:
        yield
    except (PermissionError, RequestError):
        raise
    except Exception as error:  # of any kind: pyarrow and pandas trust what the file says of itself
        raise RequestError(f"{file} cannot be read as Parquet: {in_one_line(error)}") from None
