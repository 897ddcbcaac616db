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
    """The licence's name, with the word non-commercial added where the name only abbreviates it."""
    needs_no_mark = MARK in licence.lower() or not forbids_commerce(licence)
    return licence if needs_no_mark else f"{licence} ({MARK})"


def source_name(name: str) -> str:
    """What a bundle calls a source: a file or folder by its last name only, anything else by its whole name."""
    return Path(name).name if Path(name).exists() else name


def commerce_notice(licences: Mapping[str, str]) -> str | None:
    """The sentence for sources that forbid commercial use; none when no source is known to."""
    names = [f"{name} ({licence})" for name, licence in licences.items() if forbids_commerce(licence)]
    if not names:
        return None
    return f"{MARK}: {', '.join(names)} may not be used commercially, nor may what is made from it; each bundle says so"
