"""The options of `push` and `track`."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command(epilog="Example: distilbench push runs/mine/bundles/seed-0/cnn-hard/onnx me/cnn-of-mine")
def push(
    bundle: Annotated[Path, typer.Argument(help="A bundle's folder.")],
    name: Annotated[str, typer.Argument(help="The repository to make: OWNER/NAME, or NAME for one of your own.")],
    public: Annotated[bool, typer.Option("--public", help="Let everybody see it; else it is private.")] = False,
    update: Annotated[bool, typer.Option("--update", help="Replace files of a repository that is there.")] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Upload what is code, or made from non-commercial material, all the same.")
    ] = False,
) -> None:
    """Upload a bundle with its card to the Hugging Face Hub."""
    from bench.commands.share.push import PushRequest, push_bundle

    push_bundle(PushRequest(bundle=bundle, name=name, public=public, update=update, agreed=yes))


@app.command(epilog="Example: distilbench track runs/mine --to mlflow:http://127.0.0.1:5000")
def track(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders, or run.json files.")],
    to: Annotated[
        str, typer.Option(metavar="TRACKER[:URI]", help="mlflow, where it keeps runs or at a URI.")
    ] = "mlflow",
) -> None:
    """Write finished runs to a tracker of experiments: parameters, figures, curves and pictures."""
    from bench.commands.share.track import read_tracker, track_runs

    track_runs(runs, read_tracker(to))
