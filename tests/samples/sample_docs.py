"""The programs that the user's guide prints, so that tests can run them as they stand there."""

import re
import textwrap
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "using-a-bundle.md"


def program(name: str) -> str:
    """The program that the page prints under this name, an indented block after `<!-- program: NAME -->`."""
    match = re.search(
        rf"<!-- program: {re.escape(name)} -->\n\n((?:    .*\n|\n)+)", PAGE.read_text(encoding="utf-8") + "\n"
    )
    if match is None:
        raise ValueError(f"{PAGE} prints no program {name}")
    return textwrap.dedent(match.group(1))
