"""The run folder as a whole: the record, its tables and its pictures, written together."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pandas as pd

from bench.record.predictions import Artefact
from bench.record.run_file import Run, write_run
from bench.reports.curves import CURVES, save_histories
from bench.reports.differences import DIFFERENCES, Difference, find_differences, is_judged
from bench.reports.pictures.confusion import save_confusion
from bench.reports.pictures.curves import save_curves
from bench.reports.pictures.tradeoff import save_tradeoff
from bench.reports.report import markdown_report
from bench.reports.sweep import PICTURE as SWEEP_PICTURE
from bench.reports.sweep import SWEEPS, Grid, find_grids, is_swept, save_sweep
from materials.cache.locks import locked
from materials.errors import RequestError
from materials.files import cache_folder, digest, new_file

PICTURES = ("tradeoff", "confusion", "curves", SWEEP_PICTURE)
NOT_ALWAYS = ("significance.md", "curves.md", "sweep.md", "history.parquet")  # files that not every run has


def save_run(run: Run, artefacts: Sequence[Artefact], output: Path, histories: pd.DataFrame | None = None) -> None:
    """Fill the run folder: run.json, raw samples, predictions, bundles, tables and pictures; one process at a time.

    Files of an earlier run that this one does not have are removed, so that none is taken for this run's.
    """
    with locked(cache_folder() / f"run-{digest(str(output.resolve()))}"):
        write_run(run, artefacts, output)
        for name in (*NOT_ALWAYS, *(f"{picture}{suffix}" for picture in PICTURES for suffix in (".png", ".svg"))):
            (output / name).unlink(missing_ok=True)
        differences = find_differences(run, output) if _has_judged(run) else []
        grids = find_grids(run, differences)
        for name, text in _tables(run, differences, grids, histories).items():
            with new_file(output / name) as temporary:
                temporary.write_text(text, encoding="utf-8")
        save_tradeoff(run, output)
        save_confusion(run, output)
        save_sweep(run, grids, output)
        if histories is not None and len(histories):
            save_histories(histories, output)
            save_curves(run.name, run.task.headline, histories, output)


def pictures_in(folder: Path) -> list[str]:
    """The names of the pictures of a run."""
    names = [f"{picture}.png" for picture in PICTURES]
    return [name for name in names if (folder / name).is_file()]


def prove_writable(folder: Path) -> None:
    """Raise RequestError, before hours of work and not after, if cache or run folder cannot be written to.

    Leaves no folder behind that was not there.
    """
    for place in (cache_folder(), folder):
        if place.is_file():
            raise RequestError(f"cannot write to the folder {place}: it is a file; name another with --output")
        missing_folders = [path for path in (place, *place.parents) if not path.exists()]
        try:
            place.mkdir(parents=True, exist_ok=True)
            with new_file(place / ".proof"):
                pass
            (place / ".proof").unlink(missing_ok=True)
        except OSError as error:
            raise RequestError(f"cannot write to the folder {place}: {error.strerror}") from None
        for path in missing_folders:
            with suppress(OSError):  # another process may have begun to use it
                path.rmdir()


def sweep_text(run: Run, folder: Path, format: str) -> str:
    """The tables of a run's sweep; empty where it has none, or no student beside itself alone, and for csv and json."""
    if format not in SWEEPS or not is_swept(run) or not _has_judged(run):
        return ""
    try:
        differences = find_differences(run, folder)
    except RequestError as error:  # the other tables of a run that keeps no predictions can be shown all the same
        return f"the sweep cannot be shown: {error}\n"
    return SWEEPS[format](run, find_grids(run, differences))


def _tables(
    run: Run, differences: Sequence[Difference], grids: Sequence[Grid], histories: pd.DataFrame | None
) -> dict[str, str]:
    tables = {"table.md": markdown_report(run)}
    if _has_judged(run):
        tables["significance.md"] = DIFFERENCES["markdown"](run, differences)
    if grids:
        tables["sweep.md"] = SWEEPS["markdown"](run, grids)
    if histories is not None and len(histories):
        tables["curves.md"] = CURVES["markdown"](run, histories, ())
    return tables


def _has_judged(run: Run) -> bool:
    return any(is_judged(row) and row.status != "failed" for row in run.rows)
