"""The command line in the process of a test."""

import io
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Answer:
    """The exit code and all words, each run of white space one space."""

    code: int
    output: str
    notices: str


def distilbench(*arguments: object) -> Answer:
    """What a command answers on a wide terminal. Raises RequestError where the command prints its sentence."""
    from bench.commands.command_line import app

    output, notices = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(output), redirect_stderr(notices):
        patch.setenv("COLUMNS", "400")
        code = app([str(argument) for argument in arguments], standalone_mode=False)
    return Answer(code or 0, *(" ".join(stream.getvalue().split()) for stream in (output, notices)))
