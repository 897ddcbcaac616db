"""On which side a tokenizer's own files cut long texts."""

from pathlib import Path

from materials.errors import RequestError
from materials.files import read_json_object

SETTINGS, TOKENIZER = "tokenizer_config.json", "tokenizer.json"
RIGHT = "right"


def refuse_other_side(folder: Path) -> None:
    """Raise RequestError where a folder's tokenizer cuts texts elsewhere than on the right, as the encoder does.

    tokenizer_config.json says so, and where it does not, tokenizer.json, as transformers reads them.
    """
    settings = read_json_object(folder / SETTINGS)
    truncation = read_json_object(folder / TOKENIZER).get("truncation") or {}
    file = SETTINGS if "truncation_side" in settings else TOKENIZER
    side = str(settings.get("truncation_side", truncation.get("direction", RIGHT))).lower()
    if side != RIGHT:
        raise RequestError(
            f"{file} of {folder} cuts long texts on the {side}, and here they are cut on the right; set "
            f"truncation_side to right in {SETTINGS}, if the end of a text may be left out"
        )
