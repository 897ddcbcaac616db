"""Finding a pretrained model: by its name in the catalogue, as a local folder, or by its name on the Hub."""

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from materials.catalogue import WEIGHTS, fetch_folder
from materials.errors import RequestError, in_one_line, unknown
from materials.files import read_json_object, sha256_of
from materials.report import Report

FILES = (
    "config.json",
    "*.safetensors",
    "*.safetensors.index.json",
    "tokenizer*",
    "vocab*",
    "merges.txt",
    "special_tokens_map.json",
    "preprocessor_config.json",
    "*.model",
    "1_Pooling/config.json",
)
UNTRAINED, CONFIG = "untrained", "config.json"
KERNELS = "_implementation"  # what the keys end with that say how attention, experts and the like are computed
FETCHED = "flash_attention"  # for which transformers takes a kernel of the Hub where none is installed
# Of what is read here of a configuration; a list of labels is made of their number.
KINDS: Mapping[str, type] = {
    "architectures": list,
    "id2label": dict,
    "num_labels": int,
    "problem_type": str,
    "model_type": str,
}
MOST_LAYERS, LAYERS = 1_000, re.compile(r"(layers?|blocks|depths?)$")  # what the keys end with that say how many
MOST_LABELS, NUMBER = 1_000_000, re.compile(r"[0-9]{1,6}")
HEADS = {"ForSequenceClassification": "text", "ForImageClassification": "image"}
PROBLEM_TYPES = {
    "single_label_classification": "single-label",
    "multi_label_classification": "multi-label",
    "regression": "regression",
}
PROBLEM_TYPE_OF = {task: problem_type for problem_type, task in PROBLEM_TYPES.items()}


@dataclass(frozen=True, kw_only=True)
class WeightsFolder:
    """A folder that transformers can load, and the digest of its weights, configuration and tokenizer."""

    path: Path
    digest: str
    licence: str

    @property
    def config(self) -> dict[str, Any]:
        """The model's configuration, as it stands in config.json. Raises RequestError where it is odd."""
        file = self.path / "config.json"
        config = read_json_object(file)
        for key, kind in KINDS.items():
            if not isinstance(value := config.get(key), kind | None):
                raise RequestError(f"{file} is damaged: {key} is {value!r:.60}; expected {kind.__name__}")
        if not all(isinstance(name, str) for name in config.get("architectures") or ()):
            raise RequestError(f"{file} is damaged; expected names in its architectures")
        if not 0 <= (config.get("num_labels") or 0) <= MOST_LABELS:
            raise RequestError(
                f"{file} is damaged: num_labels is {config['num_labels']}; at most {MOST_LABELS:,} can be"
            )
        return config

    @property
    def modality(self) -> str | None:
        """What the model has been fine-tuned to classify, text or image; none when it has no head that classifies."""
        architectures = self.config.get("architectures") or ()
        return next((modality for head, modality in HEADS.items() if any(head in name for name in architectures)), None)

    @property
    def is_classifier(self) -> bool:
        """Whether the model has a head that answers something: a class, labels or a number."""
        return self.modality is not None

    @property
    def task_name(self) -> str:
        """The task that the model was fine-tuned for, by its problem_type or else by the number of its outputs.

        Raises RequestError for a problem_type that is not known.
        """
        problem_type = self.config.get("problem_type")
        if problem_type is None:
            return "regression" if len(self.label_names) == 1 else "single-label"
        if problem_type not in PROBLEM_TYPES:
            known_types = ", ".join(PROBLEM_TYPES)
            raise RequestError(
                f"{self.path} has the problem_type '{problem_type}' in its config.json; known: {known_types}"
            )
        return PROBLEM_TYPES[problem_type]

    @property
    def label_names(self) -> tuple[str, ...]:
        """The names of a fine-tuned classifier's labels, in the order of its outputs, without white space around them.

        Equal ones have their numbers, and so have those that are blank. Raises RequestError where one of the numbers
        has no name.
        """
        config = self.config
        if odd_numbers := [number for number in config.get("id2label") or {} if not NUMBER.fullmatch(number)]:
            raise RequestError(f"config.json of {self.path} numbers an output '{odd_numbers[0]:.60}' in its id2label")
        names = {int(number): str(name).strip() for number, name in (config.get("id2label") or {}).items()}
        if not names:  # transformers leaves the default names of numbered labels out
            return tuple(f"LABEL_{number}" for number in range(config.get("num_labels") or 2))
        if missing := set(range(max(names) + 1)) - set(names):
            raise RequestError(
                f"config.json of {self.path} names the outputs {', '.join(map(str, sorted(names)))} in its id2label; "
                f"there is no name for output {min(missing)}"
            )
        in_order = [names[number] for number in sorted(names)]
        while repeated := {name for name, count in Counter(in_order).items() if count > 1 or not name}:
            in_order = [
                f"{name} ({number})".strip() if name in repeated else name for number, name in enumerate(in_order)
            ]
        return tuple(in_order)


def find_weights(name: str, root: Path, *, report: Report) -> WeightsFolder:
    """The folder of a pretrained model; none for `untrained`. Raises RequestError when it is in no place."""
    if name == UNTRAINED:
        return WeightsFolder(path=Path(UNTRAINED), digest=UNTRAINED, licence="none: new weights")
    if name in WEIGHTS:
        path, licence = fetch_folder(WEIGHTS[name], root, report), WEIGHTS[name].archive.licence
    elif Path(name).is_dir():
        path, licence = Path(name), "unknown (a local folder)"
    else:
        path, licence = _from_hub(name), "unknown (see the model's page)"
    if name not in WEIGHTS:  # whose members have been checked one by one
        _check_folder(path)
    patterns = FILES if (path / "config.json").is_file() else ("*.pth",)
    files = sorted({file for pattern in patterns for file in path.glob(pattern) if file.is_file()})
    return WeightsFolder(path=path, digest="-".join(sha256_of(file)[:16] for file in files), licence=licence)


def is_hub_name(name: str) -> bool:
    """Whether a name that is no folder can be that of a model on the Hub: `owner/model`."""
    return name.count("/") == 1 and not name.startswith((".", "/", "~")) and not name.endswith("/")


def _check_folder(path: Path) -> None:
    reading_files = ("tokenizer.json", "preprocessor_config.json")
    has_weights = all(list(path.glob(pattern)) for pattern in ("config.json", "*.safetensors"))
    if not has_weights or not any((path / name).is_file() for name in reading_files):
        raise RequestError(
            f"{path} is no model folder; expected config.json, *.safetensors and {' or '.join(reading_files)} in it"
        )
    try:
        json.loads((path / "config.json").read_text(encoding="utf-8"))["model_type"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise RequestError(f"{path / 'config.json'} is damaged; expected the configuration of a model") from None


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download

    choices = f"choose one of {', '.join(WEIGHTS)}, a folder with config.json and *.safetensors, or a name on the Hub"
    if "/" in name and not is_hub_name(name):
        raise RequestError(f"there is no model folder '{name}'; give one with --teacher, or {choices}")
    if "/" not in name:
        raise RequestError(f"{unknown('weights', name, WEIGHTS)}; {choices}")
    try:
        return Path(snapshot_download(name, allow_patterns=list(FILES)))
    except Exception as error:  # the Hub's client raises a dozen kinds, each of which means that it did not come
        raise RequestError(f"could not get '{name}' from the Hub ({in_one_line(error)}); {choices}") from error


def check_config_in(folder: Path) -> None:
    """Raise RequestError for a folder whose configuration is refused; to be called before transformers opens it."""
    config = WeightsFolder(path=folder, digest="", licence="").config
    check_kernels(config, folder / CONFIG)
    check_layers(config, folder / CONFIG)


def check_layers(config: Mapping[str, Any], where: Path) -> None:
    """Refuse a configuration of far more layers than any model has: they are built before weights are looked for."""
    for key, value in config.items():
        if isinstance(value, Mapping):
            check_layers(value, where)
        numbers = value if isinstance(value, list) else [value]
        if LAYERS.search(key) and any(isinstance(number, int) and number > MOST_LAYERS for number in numbers):
            raise RequestError(f"{where} has {value!r:.40} as its {key}; expected {MOST_LAYERS:,} at most")


def check_kernels(config: Mapping[str, Any], where: Path) -> None:
    """Refuse a configuration that has parts of the model computed by code of the Hub, which transformers would fetch.

    Such a part is named `owner/kernel`, or for attention in another way than the ones that come with torch.
    """
    for key, value in config.items():
        names = value.values() if isinstance(value, dict) else (value,)
        if not key.endswith(KERNELS):
            continue
        for name in names:
            if isinstance(name, str) and ("/" in name or name.startswith(FETCHED)):
                raise RequestError(f"{where} names '{name}' as its {key}, which would be fetched and run; leave it out")
