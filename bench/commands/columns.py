"""The options that name the columns of a file of rows, declared once for all commands that read one."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

import typer

from bench.outside.columns import Columns

OPTIONS = {
    "text": Annotated[str | None, typer.Option(help="The column of texts, or of image paths.")],
    "text_pair": Annotated[
        str | None, typer.Option(help="The column of second texts, where items are pairs of texts.")
    ],
    "label": Annotated[str | None, typer.Option(help="The column of labels; by default 'label' if there is one.")],
    "separator": Annotated[str | None, typer.Option(help="What stands between several labels in one cell.")],
    "class_names": Annotated[
        str | None, typer.Option(help="CSV or TSV of folder (or number) and class name, for images.")
    ],
}


def with_columns(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command these options in place of its parameter `columns`, which then gets what they name."""
    signature = inspect.signature(command)
    parameters: list[inspect.Parameter] = []
    for parameter in signature.parameters.values():
        if parameter.name != "columns":
            parameters.append(parameter)
            continue
        parameters += [
            inspect.Parameter(name, parameter.kind, default=None, annotation=option) for name, option in OPTIONS.items()
        ]

    @wraps(command)
    def command_with_options(**options: Any) -> None:
        columns = Columns(**{name: options.pop(name) for name in OPTIONS})
        command(**options, columns=columns)

    # Typer reads the options of a command off its signature and its annotations.
    command_with_options.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    command_with_options.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command_with_options
