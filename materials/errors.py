"""The one kind of error that is the user's to mend, and the sentence that names the nearest known thing."""

import errno
import re
from collections.abc import Iterable
from difflib import get_close_matches
from textwrap import shorten

OUT_OF_MEMORY = ("MemoryError", "bad_alloc", "out of memory", "allocate memory")
LONGEST_LINE = 300
COLOURS = re.compile(r"\x1b\[[0-9;]*m")  # of a terminal
# The numbers of the system's errors that say of a file or folder that it cannot be written to.
NO_WRITING = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.ENOTDIR,
    errno.EISDIR,
)


class RequestError(ValueError):
    """The request cannot be done as it stands; the message is one sentence for the person who made it."""


def unknown(kind: str, name: str, known_names: Iterable[str]) -> str:
    """The sentence for a name that is not in a table: what came, the nearest known one, and all choices."""
    choices = sorted(known_names)
    nearest = get_close_matches(name, choices, n=1, cutoff=0.5)
    hint = f"; did you mean '{nearest[0]}'?" if nearest else ";"
    return f"unknown {kind} '{name}'{hint} known: {', '.join(choices)}"


def in_one_line(error: BaseException) -> str:
    """What a library's error says, in one line: its first, or its last where it tells a traceback of its own.

    Lines that say from where in its sources it comes are left out, as OpenVINO begins with them. Cut where it goes on
    and on; the name of its kind where it says nothing.
    """
    lines = [line for line in COLOURS.sub("", str(error)).splitlines() if line.strip()] or [type(error).__name__]
    lines = [line for line in lines if not line.startswith("Exception from ")] or lines
    line = lines[-1 if any(line.startswith("Traceback") for line in lines) else 0]
    return shorten(line, LONGEST_LINE, placeholder=" ...")


def with_kind(error: BaseException) -> str:
    """The same line after the name of the error's kind."""
    kind, line = type(error).__name__, in_one_line(error)
    return line if line.startswith(kind) else f"{kind}: {line}"


def tells_of_memory(message: str) -> bool:
    """Whether an error's message says, in any library's words, that there was not enough memory."""
    return any(sign in message for sign in OUT_OF_MEMORY)
