"""What each command does once its arguments are parsed."""

import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock
from rich.console import Console
from rich.table import Table

from materials.errors import RequestError, unknown
from materials.files import cache_folder, digest, new_file

if TYPE_CHECKING:
    import pandas as pd

    from bench.record.run_file import Artefact, Run

PICTURES = ("tradeoff.png", "confusion.png", "curves.png")
LINES_AT_ONCE = {"text": 256, "image": 32}


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """A recipe with what the command line changes in it; flags that were not given are none."""

    recipe: str
    flags: Mapping[str, Any]
    overrides: tuple[str, ...]
    output: Path | None
    fresh: bool

    @property
    def all_overrides(self) -> list[str]:
        """Flags as overrides, then those of --set."""
        given = {name: value for name, value in self.flags.items() if value is not None}
        if "data.train" in given:  # the recipe's own held-out rows, columns and licence belong to its own data
            own = {"data.validation": None, "data.test": None, "data.text": "text", "data.label": None}
            given = {**own, "data.licence": None, **given}
        if "data.transfer" in given:  # as do the number of transfer rows and their column
            given = {"data.transfer_rows": None, "data.transfer_text": None, **given}
        return [f"{name}={json.dumps(value)}" for name, value in given.items()] + list(self.overrides)


def run_recipe(request: RunRequest, *, dry_run: bool) -> int:
    """Run a recipe, write its run folder and print its tables; 1 when a row failed, else 0."""
    from bench.recipe.file import read_recipe
    from bench.record.machine import check_device
    from bench.record.run_file import describe_run
    from bench.reports.curves import collect_histories
    from bench.steps.pipeline import run_pipeline
    from bench.steps.plan import print_plan
    from bench.steps.rows import Runs, make_groups, make_rows
    from bench.steps.screen import Screen
    from bench.steps.workplace import Workplace
    from export.formats import require_formats
    from materials.stages import StageStore
    from peers import require

    recipe = read_recipe(request.recipe, request.all_overrides)
    output = request.output or Path("runs") / recipe.name
    screen = Screen()
    store = StageStore(root=cache_folder(), fresh=request.fresh, notice=screen.notice)
    work = Workplace(recipe=recipe, store=store, screen=screen)
    check_device(recipe.device)
    for peer in recipe.peers:
        require(peer)
    require_formats([*recipe.formats, *recipe.teacher.formats])
    if dry_run:
        print_plan(work)
        return 0
    prove_writable(output)
    models, cells = run_pipeline(work)
    runs = Runs(cells)
    rows = make_rows(runs, threads=recipe.threads, device=recipe.device)
    groups = make_groups(runs, rows)
    finished = describe_run(recipe.name, rows, threads=recipe.threads, recipe=recipe, cells=cells, groups=groups)
    histories = collect_histories(models, runs.splits)
    save_run(finished, runs.artefacts(rows), output, histories)
    show_run(output, "rich")
    screen.notice(f"run.json, table.md and the bundles are in {output}")
    return 1 if any(row.status == "failed" for row in rows) else 0


def save_run(
    run: "Run", artefacts: "Sequence[Artefact]", output: Path, histories: "pd.DataFrame | None" = None
) -> None:
    """Fill the run folder: run.json, raw samples, predictions, bundles, table and pictures; one process at a time."""
    from bench.record.run_file import write_run
    from bench.reports.curves import CURVES, save_histories
    from bench.reports.curves_plot import save_curves
    from bench.reports.differences import DIFFERENCES, find_differences, is_judged
    from bench.reports.plot import save_confusion, save_tradeoff
    from bench.reports.report import markdown_report

    with FileLock(cache_folder() / f"run-{digest(str(output.resolve()))}.lock"):
        write_run(run, artefacts, output)
        tables = {"table.md": markdown_report(run)}
        if any(is_judged(row) for row in run.rows):
            tables["significance.md"] = DIFFERENCES["markdown"](run, find_differences(run, output))
        if histories is not None and len(histories):
            tables["curves.md"] = CURVES["markdown"](run, histories, ())
        for name in ("significance.md", "curves.md", "curves.png", "curves.svg", "history.parquet"):
            (output / name).unlink(missing_ok=True)  # an earlier run's, which this one may not have
        for name, text in tables.items():
            with new_file(output / name) as temporary:
                temporary.write_text(text, encoding="utf-8")
        save_tradeoff(run, output)
        save_confusion(run, output)
        if histories is not None:
            save_histories(histories, output)
            save_curves(run.name, histories, output)


def show_run(
    place: Path,
    format: str,
    *,
    classes: bool = False,
    curves: bool = False,
    reach: Sequence[float] = (),
    significance: bool = False,
    against: str | None = None,
) -> None:
    """Print a run in one of the formats of REPORTS, class by class, how its students learned, or whether they differ.

    Raises RequestError for an unknown format, for more than one of these tables at once, and for scores to reach in a
    format that holds every epoch.
    """
    from bench.record.run_file import read_run
    from bench.reports.class_report import CLASS_REPORTS
    from bench.reports.curves import CURVES, read_histories
    from bench.reports.differences import DIFFERENCES, find_differences
    from bench.reports.report import REPORTS
    from bench.steps.screen import Screen

    if classes + curves + significance > 1:
        raise RequestError("--classes, --curves and --significance are tables of their own; ask for one of them")
    reports = CLASS_REPORTS if classes else REPORTS
    if format not in reports:
        raise RequestError(unknown("format", format, reports))
    if reach and format in ("csv", "json"):
        raise RequestError(
            f"--reach belongs to the table of --curves; {format} holds every epoch: leave one of them out"
        )
    run = read_run(place)
    if curves:
        text = CURVES[format](run, read_histories(place), reach)
    elif significance:
        text = DIFFERENCES[format](run, find_differences(run, place, against=against))
    else:
        text = reports[format](run)
    sys.stdout.write(text)
    folder = place if place.is_dir() else place.parent
    pictures = [name for name in PICTURES if (folder / name).is_file()]
    if format == "rich" and pictures:
        Screen().notice(f"pictures in {folder}: {', '.join(pictures)}")


def predict_items(folder: Path, items: Sequence[str], *, all_labels: bool, threads: int) -> None:
    """Print one line a text or image file: label, probability (or every label's), and the text or the file's path.

    Without any, they are the lines of standard input.
    """
    from bench.steps.screen import Screen
    from export.predictor import Predictor

    predictor = Predictor(folder, threads=threads)
    if predictor.bundle.parity["status"] == "failed":
        Screen().notice(f"{folder} failed its parity gate ({predictor.bundle.parity['reason']}); do not rely on it")
    lines = iter(items) if items else _lines_of_standard_input()
    at_once = 1 if sys.stdin.isatty() else LINES_AT_ONCE[predictor.bundle.modality]
    while chunk := list(islice(lines, at_once)):
        for item, prediction in zip(chunk, predictor.predict(chunk), strict=True):
            shown = f"{prediction.probability:.4f}"
            if all_labels:
                shown = "\t".join(f"{name}={value:.4f}" for name, value in prediction.probabilities.items())
            print(f"{prediction.label}\t{shown}\t{' '.join(item.split())}")
        sys.stdout.flush()


def fetch_materials(recipe: str | None) -> None:
    """Fetch what a recipe needs, or everything in the catalogue."""
    from bench.recipe.file import read_recipe
    from bench.steps.screen import Screen
    from materials.archives import Archive, fetch_archive
    from materials.catalogue import DATASETS, VECTORS, WEIGHTS, Entry

    catalogue: dict[str, Entry] = {**DATASETS, **WEIGHTS, **VECTORS}
    names = set(catalogue)
    if recipe is not None:
        chosen = read_recipe(recipe)
        data = chosen.data
        wanted = [chosen.teacher.weights, *(student.vectors for student in chosen.students)]
        names &= {*wanted, data.train, data.validation, data.test, data.transfer}
    archives: dict[str, Archive] = {catalogue[name].archive.package: catalogue[name].archive for name in sorted(names)}
    screen = Screen()
    for package, archive in archives.items():
        with screen.step(
            f"{package} {archive.version} ({archive.size_bytes / 1e6:.0f} MB, {archive.licence})"
        ) as report:
            fetch_archive(archive, cache_folder(), report=report)


def show_cache(*, prune: bool, kind: str | None, older_than_days: float) -> None:
    """Print the cache by kind, or delete the entries chosen by kind and age."""
    from materials.stages import Entry, remove_entry, remove_leftovers, stored_entries

    root = cache_folder()
    stored = list(stored_entries(root))
    kinds = {entry.name for entry in stored}
    if kind is not None and kind not in kinds:
        raise RequestError(unknown("kind of entry", kind, kinds) if kinds else f"the cache in {root} is empty")
    entries = [
        entry
        for entry in stored
        if (kind is None or entry.name == kind) and time.time() - entry.created >= older_than_days * 86_400
    ]
    by_kind: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_kind[entry.name].append(entry)
    table = Table("kind", "entries", "MB", title=f"{'deleted from' if prune else 'in'} {root}", title_justify="left")
    for name, members in by_kind.items():
        table.add_row(name, str(len(members)), f"{sum(entry.size_bytes for entry in members) / 1e6:,.1f}")
    table.add_row("all", str(len(entries)), f"{sum(entry.size_bytes for entry in entries) / 1e6:,.1f}", style="bold")
    if prune:
        for entry in entries:
            remove_entry(entry)
        remove_leftovers(root)
    Console().print(table)


def _lines_of_standard_input() -> Iterator[str]:
    for number, line in enumerate(sys.stdin.buffer, 1):
        try:
            yield line.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError:
            raise RequestError(f"line {number} of standard input is not UTF-8; convert it first") from None


def prove_writable(folder: Path) -> None:
    """Find out before hours of work, not after, that the cache or the run folder cannot be written to."""
    for place in (cache_folder(), folder):
        there = place.exists()
        try:
            place.mkdir(parents=True, exist_ok=True)
            with new_file(place / ".proof"):
                pass
            (place / ".proof").unlink(missing_ok=True)
        except OSError as error:
            raise RequestError(f"cannot write to the folder {place}: {error.strerror}") from None
        if not there and place == folder:
            place.rmdir()  # it comes back with the results
