"""The options of the commands that search settings and time ever more class names."""

from pathlib import Path
from typing import Annotated

import typer

from bench.commands.options import Threads

app = typer.Typer()
SPACE_HELP = "What to search: student.learning_rate=1e-5:1e-4, student.settings.layers=2|3; else by rule."


@app.command(epilog="Example: distilbench tune glue --task mrpc --student '3 layers' --trials 20 --time-limit 3600")
def tune(
    recipe: Annotated[str, typer.Argument(help="A recipe's name or a YAML file.")],
    trials: Annotated[int, typer.Option(min=1, help="How many settings to try, those of earlier calls counted.")] = 20,
    time_limit: Annotated[float | None, typer.Option(min=1, help="Seconds after which no other begins.")] = None,
    task: Annotated[str | None, typer.Option(help="Of a recipe with several tasks; else the first.")] = None,
    student: Annotated[str | None, typer.Option(help="Which student; else the first.")] = None,
    objective: Annotated[str | None, typer.Option(help="Which objective, by its title; else the first taught.")] = None,
    space: Annotated[list[str] | None, typer.Option(metavar="KEY=LOW:HIGH", help=SPACE_HELP)] = None,
    latency: Annotated[bool, typer.Option("--latency", help="Search for fast files too: a front of both.")] = False,
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override one value.")] = None,
    output: Annotated[Path | None, typer.Option(help="The study's folder; by default runs/tune-RECIPE.")] = None,
) -> None:
    """Search a student's settings on validation rows, write the winner as a recipe, and run that."""
    from bench.commands.run import RunRequest, run_recipe
    from bench.tune.study import TuneRequest
    from bench.tune.study import tune as search

    def run_winner(winner: Path, folder: Path) -> int:
        return run_recipe(
            RunRequest(recipe=str(winner), flags={}, overrides=(), output=folder, fresh=False), dry_run=False
        )

    request = TuneRequest(
        recipe=recipe,
        overrides=tuple(set_ or ()),
        task=task,
        student=student,
        objective=objective,
        space=tuple(space or ()),
        trials=trials,
        time_limit=time_limit,
        latency=latency,
        output=output or Path("runs") / f"tune-{Path(recipe).with_suffix('').as_posix().replace('/', '-').strip('-.')}",
    )
    raise typer.Exit(search(request, run_winner))


@app.command(
    "label-cost",
    epilog="Example: distilbench label-cost nli/ runs/mine/bundles/seed-0/linear-soft-T=1/eager --data texts.txt",
)
def label_cost(
    teacher: Annotated[str, typer.Argument(help="Weights of a zero-shot teacher: a known name, a folder, a Hub name.")],
    student: Annotated[Path, typer.Argument(help="The eager bundle of a small student.")],
    data: Annotated[Path, typer.Option(help="Real texts: CSV, TSV, JSONL, Parquet or TXT.")],
    text: Annotated[str, typer.Option(help="The column of texts.")] = "text",
    architecture: Annotated[str, typer.Option(help="zero-shot-nli or zero-shot-embedding.")] = "zero-shot-nli",
    counts: Annotated[str, typer.Option(help="How many class names.")] = "2,4,8,16,32,64",
    batch_size: Annotated[int, typer.Option(min=1)] = 16,
    threads: Threads = 1,
    seconds: Annotated[float, typer.Option(min=0.01, help="How long each file is timed, at least.")] = 1.0,
    output: Annotated[Path, typer.Option(help="The folder to write.")] = Path("runs/label-cost"),
) -> None:
    """Time a zero-shot teacher and a student with ever more class names: table, picture, slopes."""
    from bench.labels.run import label_cost as time_labels
    from bench.labels.run import texts_of
    from bench.labels.sweep import Sweep
    from materials.errors import RequestError

    if not all(count.strip().isdigit() for count in counts.split(",")):
        raise RequestError(f"--counts needs numbers with commas, such as 2,4,8; got '{counts}'")
    sweep = Sweep(
        architecture=architecture,
        weights=teacher,
        student=student,
        texts=texts_of(data, text),
        counts=[int(count) for count in counts.split(",")],
        batch_size=batch_size,
        threads=threads,
        seconds=seconds,
    )
    raise typer.Exit(time_labels(sweep, output))
