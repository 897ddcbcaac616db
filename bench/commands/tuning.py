"""The options of the command that searches settings."""

from pathlib import Path
from typing import Annotated

import typer

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
