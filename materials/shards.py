"""Weights in several safetensors files: which they are, as the index beside them says."""

from pathlib import Path

from materials.errors import RequestError
from materials.files import read_json_object

ONE_FILE = "model.safetensors"
INDEX = "model.safetensors.index.json"


def shards_of(folder: Path) -> list[Path]:
    """The files that hold the weights of a model folder in parts; empty if one model.safetensors holds them all.

    Raises RequestError for an index that is damaged, or that names what is no safetensors file in its own folder.
    """
    index = folder / INDEX
    if not index.is_file() or (folder / ONE_FILE).is_file():
        return []
    content = read_json_object(index)
    file_of_weight = content.get("weight_map")
    if not isinstance(file_of_weight, dict) or not file_of_weight or not isinstance(content.get("metadata"), dict):
        raise RequestError(f"{index} is damaged; expected 'metadata' and, in 'weight_map', the file of each weight")
    names = sorted({str(name) for name in file_of_weight.values()})
    for name in names:
        if name != Path(name).name or not name.endswith(".safetensors") or not (folder / name).is_file():
            raise RequestError(f"{index} names '{name}', which is no safetensors file in its own folder")
    return [folder / name for name in names]
