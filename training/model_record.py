"""model.json: which architecture a checkpoint holds, and in which version of its form."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from materials.errors import RequestError
from materials.files import read_json

FILE = "model.json"
VERSION = 1


def write_model_record(folder: Path, content: Mapping[str, Any]) -> None:
    """Write model.json; `content` holds the `architecture` and all that is needed to build it again."""
    (folder / FILE).write_text(json.dumps({"version": VERSION, **content}, indent=1), encoding="utf-8")


def read_model_record(folder: Path) -> dict[str, Any]:
    """The content of model.json. Raises RequestError when it is damaged or of another version."""
    content: dict[str, Any] = read_json(folder / FILE)
    try:
        version = content.pop("version", 1)  # the first version did not say it
        architecture = content["architecture"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RequestError(f"{folder / FILE} is damaged ({error}); train the model again") from None
    if version != VERSION or not isinstance(architecture, str):
        raise RequestError(f"{folder} is a checkpoint of version {version}; this distilbench reads version {VERSION}")
    return content
