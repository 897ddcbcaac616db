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
