"""A bundle: a folder with a model file, bundle.json, and a tokenizer or image settings: all it takes to predict."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from materials.errors import RequestError
from materials.files import sha256_of, write_json
from training.encoder import Encoder
from training.graph_input import GraphInput
from training.image_encoder import SETTINGS_FILE, ImageEncoder
from training.text_encoder import TextEncoder

RECORD = "bundle.json"
SCHEMA_VERSION = 2


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """What bundle.json says. `files` maps each file beside it to its SHA-256; `made` says from what it was made.

    `modality` is text or image; `max_length_tokens` and `padding` are none where there are no tokens.
    """

    folder: Path
    format: str
    runtime: str
    model_file: str
    precision: str
    architecture: str
    task: str
    label_names: tuple[str, ...]
    modality: str
    inputs: tuple[GraphInput, ...]
    max_length_tokens: int | None
    padding: int | None
    parameters: int | None
    made: Mapping[str, Any]
    licences: Mapping[str, str]
    parity: Mapping[str, Any]
    exported: Mapping[str, Any]
    files: Mapping[str, str]

    @property
    def model_path(self) -> Path:
        """The model file."""
        return self.folder / self.model_file

    @property
    def size_bytes(self) -> int:
        """The size of all files that a deployment copies, bundle.json included where there is one."""
        record = self.folder / RECORD
        own = record.stat().st_size if record.is_file() else 0
        return own + sum((self.folder / name).stat().st_size for name in self.files)

    def encoder(self) -> Encoder:
        """The encoder of the bundle's own tokenizer.json or preprocessor_config.json."""
        if self.modality == "image" and self.format == "transformers":  # a file that leaves out what is the default
            from teachers.image_classifier import read_image_encoder

            return read_image_encoder(self.folder)
        if self.modality == "image":
            return ImageEncoder.load(self.folder / SETTINGS_FILE)
        if self.max_length_tokens is None or self.padding is None:
            raise RequestError(f"{self.folder} does not say how long its texts may be; export the model again")
        return TextEncoder.load(
            self.folder / "tokenizer.json",
            max_length_tokens=self.max_length_tokens,
            padding=self.padding,
            inputs=self.inputs,
        )


def write_bundle(bundle: Bundle) -> Bundle:
    """Write bundle.json beside the files that are already in the bundle's folder; the bundle with these files."""
    files = {path.name: sha256_of(path) for path in sorted(bundle.folder.iterdir()) if path.name != RECORD}
    content = {"schema_version": SCHEMA_VERSION, **asdict(bundle), "files": files}
    del content["folder"]
    write_json(bundle.folder / RECORD, content)
    return replace(bundle, files=files)


def read_bundle(folder: Path) -> Bundle:
    """Read a bundle and check every file against its digest.

    Raises RequestError when the folder is no bundle, is of another version, or a file is missing or changed.
    """
    record = folder / RECORD
    if not record.is_file():
        raise RequestError(f"{folder} is no bundle; expected a folder with {RECORD}, as `distilbench run` writes them")
    try:
        content = json.loads(record.read_text(encoding="utf-8"))
        version = content.pop("schema_version")
        if version != SCHEMA_VERSION:
            raise RequestError(
                f"{folder} is a bundle of version {version}; this distilbench reads version {SCHEMA_VERSION}"
            )
        inputs = tuple(GraphInput(**{**one, "dimensions": tuple(one["dimensions"])}) for one in content.pop("inputs"))
        label_names = tuple(content.pop("label_names"))
        bundle = Bundle(folder=folder, inputs=inputs, label_names=label_names, **content)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, RequestError):
            raise
        raise RequestError(f"{record} is damaged ({error}); export the model again") from None
    _check_files(bundle)
    return bundle


def _check_files(bundle: Bundle) -> None:
    for name, sha256 in bundle.files.items():
        path = bundle.folder / name
        if Path(name).name != name or not path.is_file():
            raise RequestError(f"the bundle {bundle.folder} lacks its file '{name}'; export the model again")
        if sha256_of(path) != sha256:
            raise RequestError(f"{path} is not the file that was exported (its digest differs); export the model again")
