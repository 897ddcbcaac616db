"""The command `distilbench`: parses arguments, and turns errors into one sentence and an exit code."""

import signal
import sys
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer

from bench.commands.check.options import app as check_app
from bench.commands.columns import with_columns
from bench.commands.options import AllowCode
from bench.commands.options import app as models_app
from bench.commands.report.options import app as report_app
from bench.commands.score.options import app as score_app
from bench.commands.share.options import app as share_app
from bench.commands.tuning import app as tuning_app
from bench.outside.columns import Columns
from materials.errors import RequestError, why_not_written

WRONG_REQUEST, INTERRUPTED = 2, 130
DEFAULT_COLUMNS = Columns()


class Interrupted(BaseException):
    """Ctrl-C. Not a KeyboardInterrupt, which typer would answer with a word of its own."""


app = typer.Typer(
    name="distilbench",
    help="Distil classifiers, export them, and measure what every exported file keeps and costs.",
    epilog="Example: distilbench run movie-reviews",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


app.add_typer(models_app)
app.add_typer(score_app)
app.add_typer(check_app)
app.add_typer(tuning_app)
app.add_typer(report_app)
app.add_typer(share_app)


def main() -> None:
    """Run the command line. Exit codes: 0 done, 1 a gate failed, 2 the request was wrong, 130 interrupted."""
    signal.signal(signal.SIGINT, _interrupt)
    try:
        app()
    except RequestError as error:
        _fail(str(error), WRONG_REQUEST)
    except Interrupted:
        kept = "finished stages are kept, and epochs of long trainings"
        _fail(f"interrupted; {kept}, so the same command goes on from here", INTERRUPTED)
    except BrokenPipeError:  # the reader of a pipe, such as `head`, has seen enough
        sys.stderr.close()
    except Exception as error:
        if (sentence := _why_ended(error)) is None:
            raise
        _fail(sentence, WRONG_REQUEST)


def _interrupt(number: int, frame: object) -> None:
    raise Interrupted


def _why_ended(error: Exception) -> str | None:
    """The sentence for a file that cannot be written, or for a cache that was deleted under the run; else none."""
    if reason := why_not_written(error):
        return f"{reason}; finished stages are kept"
    from materials.cache.readers import missing_entries
    from materials.files import cache_folder
    from materials.stages import deleted_sentence

    missing = missing_entries(cache_folder())
    return deleted_sentence(missing[0]) if missing else None


def _fail(sentence: str, code: int) -> None:
    print(f"distilbench: {sentence}", file=sys.stderr)
    sys.exit(code)


def _version(asked: bool) -> None:
    if asked:
        print(version("distilbench"))
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Distil classifiers, export them, and measure what every exported file keeps and costs."""


Overrides = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override one value, as students.0.epochs=3.")
]
Seeds = Annotated[str | None, typer.Option(help="Seeds, as 0,1,2.")]
TrainingDevice = Annotated[str | None, typer.Option(help="Where to train and measure: cpu or cuda.")]
Data = Annotated[
    str | None,
    typer.Option(help="Rows to split: CSV, TSV, JSONL, Parquet or TXT, here or on the Hub; or images (see docs)."),
]
Teacher = Annotated[str | None, typer.Option(help="Weights: a known name, a model folder, or a name on the Hub.")]
DropNear = Annotated[bool, typer.Option("--drop-near-duplicates", help="Learn from no row that is nearly a test row.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and how long it takes here.")]
Track = Annotated[
    str | None, typer.Option(metavar="TRACKER[:URI]", help="Write the finished run to a tracker, such as mlflow.")
]
ClassNames = Annotated[
    str | None, typer.Option(help="Names of classes, one a line, for a zero-shot teacher: no label is used.")
]


@app.command(epilog="Example: distilbench run own --data reviews.csv --text body --label stars --output runs/mine")
@with_columns
def run(
    recipe: Annotated[str, typer.Argument(help="A recipe's name (see `distilbench list`) or a YAML file.")],
    data: Data = None,
    validation_data: Annotated[str | None, typer.Option(help="Validation rows; without it they are split off.")] = None,
    test_data: Annotated[str | None, typer.Option(help="Test rows; without it they are split off.")] = None,
    transfer_data: Annotated[str | None, typer.Option(help="Texts for the teacher to label.")] = None,
    classes: ClassNames = None,
    drop_near_duplicates: DropNear = False,
    columns: Columns = DEFAULT_COLUMNS,
    task: Annotated[str | None, typer.Option(help="What is asked: single-label, multi-label or regression.")] = None,
    teacher: Teacher = None,
    device: TrainingDevice = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads for every measured file.")] = None,
    seeds: Seeds = None,
    tasks: Annotated[str | None, typer.Option(help="Only these of a recipe's several tasks, as mrpc,rte.")] = None,
    set_: Overrides = None,
    jobs: Annotated[int, typer.Option(min=1, help="So many students are trained at once; all are timed alone.")] = 1,
    output: Annotated[Path | None, typer.Option(help="The run folder; by default runs/RECIPE.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Ignore the results of earlier runs.")] = False,
    dry_run: DryRun = False,
    track: Track = None,
) -> None:
    """Train, distil, export, check and measure everything in a recipe, and print the table."""
    from bench.commands.run import RunRequest, run_and_track, run_recipe
    from bench.commands.share.track import read_tracker

    tracker = read_tracker(track) if track else None  # refused now, and not after hours of work
    flags = {
        "data.train": data,
        "data.validation": validation_data,
        "data.test": test_data,
        "data.transfer": transfer_data,
        "data.classes": classes,
        "data.drop_near_duplicates": drop_near_duplicates or None,
        **{f"data.{name}": column for name, column in asdict(columns).items()},
        "data.task": task,
        "teacher.weights": teacher,
        "device": device,
        "threads": threads,
        "seeds": seeds and seeds.split(","),
    }
    chosen, overrides = tuple(_names(tasks)), tuple(set_ or ())
    request = RunRequest(
        recipe=recipe, flags=flags, overrides=overrides, output=output, fresh=fresh, tasks=chosen, jobs=jobs
    )
    if tracker:
        raise typer.Exit(run_and_track(request, tracker, dry_run=dry_run))
    raise typer.Exit(run_recipe(request, dry_run=dry_run))


@app.command(epilog="Example: distilbench league --files data --sets reuters-r8,sst-2 --rows 500")
def league(
    files: Annotated[
        Path | None, typer.Option(help="The folder that holds the sets in files, named as recipes/league.yaml does.")
    ] = None,
    sets: Annotated[str | None, typer.Option(help="Only these sets, as reuters-r8,sst-2.")] = None,
    rows: Annotated[str | None, typer.Option(help="Only these numbers of labelled rows, as 500,all.")] = None,
    seeds: Seeds = None,
    device: TrainingDevice = None,
    set_: Overrides = None,
    output: Annotated[Path, typer.Option(help="The folder for the runs and the table.")] = Path("runs/league"),
    show: Annotated[bool, typer.Option("--show", help="Run nothing: print what is there.")] = False,
) -> None:
    """Run one recipe, untouched, on many data sets at several sizes; what is done already is not run again."""
    from bench.commands.run import RunRequest, run_recipe
    from bench.league.run import LeagueRequest, run_league

    def run_cell(recipe: str, settings: Mapping[str, Any], folder: Path) -> int:
        flags = {**settings, "device": device, "seeds": seeds and seeds.split(",")}
        cell = RunRequest(recipe=recipe, flags=flags, overrides=tuple(set_ or ()), output=folder, fresh=False)
        return run_recipe(cell, dry_run=False)

    chosen = LeagueRequest(files=files, sets=_names(sets), rows=_names(rows), output=output, show_only=show)
    raise typer.Exit(run_league(chosen, run_cell))


def _names(text: str | None) -> list[str]:
    return [name.strip() for name in text.split(",")] if text else []


@app.command("list", epilog="Example: distilbench list students")
def list_(
    kind: Annotated[
        str | None, typer.Argument(help="recipes, tasks, students, objectives, exporters, peers, datasets or weights.")
    ] = None,
) -> None:
    """Show what can be named: recipes, tasks, students, objectives, exporters, peers, data sets, weights."""
    from bench.commands.listing import print_listing

    print_listing(kind)


@app.command(epilog="Example: distilbench show runs/movie-reviews --format markdown")
def show(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder or a run.json.")],
    format: Annotated[str, typer.Option(help="rich, markdown, csv or json.")] = "rich",
    curves: Annotated[bool, typer.Option("--curves", help="How the students learned, epoch by epoch.")] = False,
    reach: Annotated[
        str | None, typer.Option(metavar="POINTS", help="The same, and epochs to reach a macro-F1, as 45,47.5.")
    ] = None,
    classes: Annotated[
        bool, typer.Option("--classes", help="Figures of each class and confusion matrices instead.")
    ] = False,
    significance: Annotated[
        bool, typer.Option("--significance", help="Whether each student differs from itself alone, or is it chance.")
    ] = False,
    cascade: Annotated[
        bool, typer.Option("--cascade", help="How much each student answers alone, the teacher asked for the rest.")
    ] = False,
    against: Annotated[
        str | None, typer.Option(metavar="MODEL", help="With --significance, of every model against this one.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every file, table and note, not the best alone.")] = False,
) -> None:
    """Print the tables of a finished run."""
    from bench.commands.show import points_of, show_run

    show_run(
        run_folder,
        format,
        classes=classes,
        curves=curves or reach is not None,
        reach=points_of(reach),
        cascade=cascade,
        significance=significance or against is not None,
        against=against,
        everything=everything,
    )


@app.command(epilog='Example: distilbench predict runs/movie-reviews/bundles/seed-0/cnn-hard/onnx "a joy to watch"')
def predict(
    bundle: Annotated[Path, typer.Argument(help="A bundle's folder.")],
    items: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TEXT|FILE]...",
            help="Texts, pairs with a tab between their texts, or image files; without any, lines of standard input.",
        ),
    ] = None,
    all_labels: Annotated[bool, typer.Option("--all", help="The probability of every label.")] = False,
    threads: Annotated[int, typer.Option(min=1)] = 1,
    allow_code: AllowCode = False,
) -> None:
    """Print label, probability and the text or image file for each of them, separated by tabs."""
    from bench.commands.predict import predict_items

    predict_items(bundle, items or [], all_labels=all_labels, threads=threads, allow_code=allow_code)


@app.command(epilog="Example: distilbench fetch movie-reviews")
def fetch(
    recipe: Annotated[str | None, typer.Argument(help="A recipe, data set or weights; else all known ones.")] = None,
) -> None:
    """Fetch data sets and weights into the cache, so that a run needs no network."""
    from bench.commands.storage import fetch_materials

    fetch_materials(recipe)


@app.command(epilog="Example: distilbench cache --prune --older-than 30")
def cache(
    prune: Annotated[bool, typer.Option("--prune", help="Delete what is listed.")] = False,
    kind: Annotated[str | None, typer.Option(help="Only this kind, such as student, bundle or material.")] = None,
    older_than: Annotated[float, typer.Option(min=0, metavar="DAYS", help="Only what is older.")] = 0,
) -> None:
    """Show what the cache holds and how large it is, or prune it."""
    from bench.commands.storage import show_cache

    show_cache(prune=prune, kind=kind, older_than_days=older_than)
