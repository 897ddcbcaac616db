"""The options that name the columns of a file of rows, the same for every command."""

from typing import Annotated

import typer

TextColumn = Annotated[str, typer.Option(help="The column of texts.")]
LabelColumn = Annotated[str | None, typer.Option(help="The column of labels; by default 'label' if there is one.")]
