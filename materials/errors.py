"""The one kind of error that is the user's to mend, and the sentence that names the nearest known thing."""

from collections.abc import Iterable
from difflib import get_close_matches


class RequestError(ValueError):
    """The request cannot be done as it stands; the message is one sentence for the person who made it."""


def unknown(kind: str, name: str, known_names: Iterable[str]) -> str:
    """The sentence for a name that is not in a table: what came, the nearest known one, and all choices."""
    choices = sorted(known_names)
    nearest = get_close_matches(name, choices, n=1, cutoff=0.5)
    hint = f"; did you mean '{nearest[0]}'?" if nearest else ";"
    return f"unknown {kind} '{name}'{hint} known: {', '.join(choices)}"
