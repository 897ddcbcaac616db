"""What the licences of a model's sources are called in its bundle, and whether they forbid commercial use."""

import re
from collections.abc import Mapping
from pathlib import Path

UNKNOWN_FILE = "unknown (your file)"
MARK = "non-commercial"
_FORBIDS = re.compile(r"(?<![a-z])nc(?![a-z])|non[ -]?commercial", re.IGNORECASE)


def forbids_commerce(licence: str) -> bool:
    """Whether a licence's name says that it is for non-commercial use, as CC BY-NC-SA 3.0 does."""
    return _FORBIDS.search(licence) is not None


def marked(licence: str) -> str:
    """The licence with the word non-commercial behind it where its name only abbreviates that."""
    plain = MARK in licence.lower() or not forbids_commerce(licence)
    return licence if plain else f"{licence} ({MARK})"


def source_name(name: str) -> str:
    """What a bundle calls a source: a known name or one on the Hub as it is, a file or folder without its place."""
    return Path(name).name if Path(name).exists() else name


def commerce_notice(licences: Mapping[str, str]) -> str | None:
    """The sentence for sources that forbid commercial use; none when no source is known to."""
    bound = [f"{name} ({licence})" for name, licence in licences.items() if forbids_commerce(licence)]
    if not bound:
        return None
    return f"{MARK}: {', '.join(bound)} may not be used commercially, nor may what is made from it; each bundle says so"
