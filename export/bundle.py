"""A bundle: a folder with a model file, bundle.json, and a tokenizer or image settings: all it takes to predict."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from encoders.encoder import Encoder
from encoders.graph_input import GraphInput
from encoders.image_encoder import SETTINGS_FILE, ImageEncoder
from encoders.made_up_rows import AS_TOKENIZED, BY_NUMBER, MADE_UP_ROWS
from encoders.text_encoder import TextEncoder
from export.formats import EXPORTERS
from export.model_file import external_names
from materials.errors import RequestError
from materials.files import sha256_of, write_json
from materials.tasks import task_of
from materials.tasks.task import Task

RECORD = "bundle.json"
SCHEMA_VERSION, LAST_BY_NUMBER = 3, 2
READ_VERSIONS = (LAST_BY_NUMBER, SCHEMA_VERSION)


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """What bundle.json says. `files` maps each file beside it to its SHA-256; `made` says from what it was made.

    `task` is what is asked of the model. `modality` is text, pair or image; `max_length_tokens` and `padding` are none
    where there are no tokens. From the probability `sure_from` on it may answer without its teacher. `made_up_rows` is
    the kind of rows for which it carries the trained model's logits. `output` names the output that holds the scores,
    where a file of somebody else has several.
    """

    folder: Path
    format: str
    runtime: str
    model_file: str
    precision: str
    architecture: str
    task: Task
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
    sure_from: float | None = None
    made_up_rows: str = AS_TOKENIZED
    output: str | None = None

    @property
    def model_path(self) -> Path:
        """The model file."""
        return self.folder / self.model_file

    @property
    def size_bytes(self) -> int:
        """The size of all files that a deployment copies, bundle.json included where there is one."""
        record = self.folder / RECORD
        record_bytes = record.stat().st_size if record.is_file() else 0
        return record_bytes + sum((self.folder / name).stat().st_size for name in self.files)

    @property
    def model_size_bytes(self) -> int:
        """The size of the model file, with the file of weights beside it where its format has one."""
        stem = self.model_path.stem
        model_files = [name for name in self.files if Path(name).stem == stem and not name.endswith(".json")]
        return sum((self.folder / name).stat().st_size for name in model_files)

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
            modality=self.modality,
            made_up_rows=self.made_up_rows,
        )


def write_bundle(bundle: Bundle) -> Bundle:
    """Write bundle.json beside the files that are already in the bundle's folder; the bundle with these files."""
    files = {path.name: sha256_of(path) for path in sorted(bundle.folder.iterdir()) if path.name != RECORD}
    content = {"schema_version": SCHEMA_VERSION, **asdict(bundle), "files": files}
    content |= {"task": bundle.task.name, "task_settings": bundle.task.settings}
    del content["folder"]
    write_json(bundle.folder / RECORD, content)
    return replace(bundle, files=files)


def read_bundle(folder: Path, *, to_run: bool = True) -> Bundle:
    """Read a bundle and check every file against its digest.

    One that no file could be exported for holds its record alone, which is enough unless it is `to_run`. Raises
    RequestError when the folder is no bundle, is of another version, claims a format that it is not in, names files
    elsewhere, keeps what it needs without a digest, or a file is missing or changed.
    """
    record = folder / RECORD
    if not record.is_file():
        raise RequestError(f"{folder} is no bundle; expected a folder with {RECORD}, as `distilbench run` writes them")
    try:
        content = json.loads(record.read_text(encoding="utf-8"))
        version = content.pop("schema_version")
        if version not in READ_VERSIONS:
            versions = " and ".join(map(str, READ_VERSIONS))
            raise RequestError(f"{folder} is a bundle of version {version}; this distilbench reads versions {versions}")
        if version == LAST_BY_NUMBER:
            content["made_up_rows"] = BY_NUMBER
        inputs = tuple(
            GraphInput(**{**described, "dimensions": tuple(described["dimensions"])})
            for described in content.pop("inputs")
        )
        task = task_of(content.pop("task"), content.pop("task_settings", {}))
        label_names = tuple(content.pop("label_names"))
        bundle = Bundle(folder=folder, inputs=inputs, task=task, label_names=label_names, **content)
        _check_types(bundle)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, RequestError):
            raise
        raise RequestError(f"{record} is damaged ({error}); export the model again") from None
    is_exported = _is_exported(bundle)
    if is_exported and (to_run or bundle.model_file in bundle.files):
        _check_listed(bundle, (bundle.model_file, SETTINGS_FILE if bundle.modality == "image" else "tokenizer.json"))
    _check_files(bundle)
    if is_exported and bundle.model_file in bundle.files:
        _check_listed(bundle, external_names(bundle.model_path))
    return bundle


def read_trained(folder: Path) -> Bundle:
    """Read a trained model's bundle. Raises RequestError as `read_bundle` does, and for that of an exported file."""
    bundle = read_bundle(folder)
    if bundle.runtime != "torch" or bundle.precision != "fp32":
        raise RequestError(
            f"{folder} holds the {bundle.format} file of a model; give the model itself, such as its bundle 'eager'"
        )
    return bundle


def _check_types(bundle: Bundle) -> None:
    if bundle.made_up_rows not in MADE_UP_ROWS:
        raise ValueError(f"its made-up rows are of an unknown kind '{bundle.made_up_rows}'")
    words = (bundle.format, bundle.runtime, bundle.model_file, bundle.precision, bundle.modality)
    if not isinstance(bundle.files, dict) or not all(isinstance(word, str) for word in (*words, *bundle.files)):
        raise TypeError("a name in it is no text")


def _is_exported(bundle: Bundle) -> bool:
    """Whether the bundle is in a format of the table; else it is a peer's, which its own library reads.

    Raises RequestError when its file or runtime is not that of the format that it claims, lest code pose as data.
    """
    if bundle.format not in EXPORTERS:
        if bundle.runtime in {exporter.runtime for exporter in EXPORTERS.values()}:
            raise RequestError(
                f"{bundle.folder} is in an unknown format '{bundle.format}', so {bundle.runtime} does not run it; "
                f"expected one of {', '.join(EXPORTERS)}"
            )
        return False
    exporter = EXPORTERS[bundle.format]
    for name in ("runtime", "model_file", "precision"):
        expected, actual = getattr(exporter, name), getattr(bundle, name)
        if actual != expected:
            raise RequestError(
                f"{bundle.folder} claims to be {bundle.format}, but its {name} is '{actual}'; expected '{expected}'"
            )
    return True


def _check_listed(bundle: Bundle, names: Iterable[str]) -> None:
    for name in names:
        if name not in bundle.files:
            raise RequestError(
                f"{bundle.folder} needs the file '{name}', which its {RECORD} lists no digest of; "
                "export the model again"
            )


def _check_files(bundle: Bundle) -> None:
    for name, sha256 in bundle.files.items():
        path = bundle.folder / name
        if name in ("", ".", "..") or "/" in name or "\\" in name or path.is_symlink():
            raise RequestError(f"{bundle.folder} names '{name}', which is no plain file in its own folder")
        if not path.is_file():
            raise RequestError(f"the bundle {bundle.folder} lacks its file '{name}'; export the model again")
        if sha256_of(path) != sha256:
            raise RequestError(f"{path} is not the file that was exported (its digest differs); export the model again")
