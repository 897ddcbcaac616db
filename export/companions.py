"""The files by which other tools know a model of transformers: config.json and tokenizer_config.json."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from materials.files import read_json_object, write_json
from materials.weights import PROBLEM_TYPE_OF
from training.classifier import Classifier

CONFIG, TOKENIZER, TOKENIZER_CONFIG = "config.json", "tokenizer.json", "tokenizer_config.json"
LEFT_OUT_KEYS = ("auto_map", "custom_pipelines", "_name_or_path", "tokenizer_class", "num_labels")
ROLES = ("unk_token", "cls_token", "sep_token", "pad_token", "mask_token")
KEPT_KEYS = ("clean_up_tokenization_spaces", "bos_token", "eos_token", *ROLES)


def write_companions(classifier: Classifier, checkpoint: Path, folder: Path) -> None:
    """Write to `folder` what `transformers` and Optimum need beside a model file and its tokenizer.json.

    `checkpoint` is a folder that transformers can load, with the same tokenizer.json. Settings of its own files are
    kept where they agree with the classifier, except references to code and to other places. Does nothing for a
    checkpoint without config.json, which only a transformer has. Raises RequestError when one of its files is damaged.
    """
    if not (checkpoint / CONFIG).is_file():
        return
    write_json(folder / CONFIG, _config(classifier, read_json_object(checkpoint / CONFIG)))
    if (checkpoint / TOKENIZER).is_file():
        tokenizer, tokenizer_settings = (
            read_json_object(checkpoint / TOKENIZER),
            read_json_object(checkpoint / TOKENIZER_CONFIG),
        )
        write_json(folder / TOKENIZER_CONFIG, _tokenizer_config(classifier, tokenizer, tokenizer_settings))


def _config(classifier: Classifier, checkpoint_config: Mapping[str, Any]) -> dict[str, Any]:
    names = classifier.label_names
    return {
        **{key: value for key, value in checkpoint_config.items() if key not in LEFT_OUT_KEYS},
        "id2label": {str(number): name for number, name in enumerate(names)},
        "label2id": {name: number for number, name in enumerate(names)},
        "problem_type": PROBLEM_TYPE_OF[classifier.task.name],
    }


def _tokenizer_config(
    classifier: Classifier, tokenizer: Mapping[str, Any], checkpoint_settings: Mapping[str, Any]
) -> dict[str, Any]:
    """The settings by which AutoTokenizer does exactly what the classifier's encoder does.

    A token has a role only where tokenizer.json holds it as a special one; otherwise transformers would add it, and
    cut texts at it. The encoder pads on the right, whatever the tokenizer's own settings say.
    """
    special = {int(token["id"]): token["content"] for token in tokenizer.get("added_tokens", ()) if token["special"]}
    padding = classifier.encoder.padding
    encoder_roles = {**_roles(tokenizer, special), "pad_token": None if padding is None else special.get(padding)}
    kept_settings = {key: _content(checkpoint_settings[key]) for key in KEPT_KEYS if key in checkpoint_settings}
    roles = {
        **encoder_roles,
        **{key: name for key, name in kept_settings.items() if key != "pad_token" and key.endswith("_token")},
    }
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": classifier.encoder.max_length_tokens,
        "model_input_names": [graph_input.name for graph_input in classifier.encoder.inputs],
        "padding_side": "right",
        "truncation_side": "right",
        "add_prefix_space": bool((tokenizer.get("pre_tokenizer") or {}).get("add_prefix_space", False)),
        "clean_up_tokenization_spaces": bool(kept_settings.get("clean_up_tokenization_spaces", False)),
        **{role: name for role, name in roles.items() if name in special.values()},
    }


def _roles(tokenizer: Mapping[str, Any], special: Mapping[int, str]) -> dict[str, str | None]:
    """The unknown token, those that the post-processor puts around a text, and the mask; none for each not there."""
    model = tokenizer["model"]
    unknown = model.get("unk_token")
    if unknown is None and model.get("unk_id") is not None:
        unknown = model["vocab"][model["unk_id"]][0]
    token_before, token_after = _around(tokenizer.get("post_processor") or {})
    mask = next((name for name in special.values() if name.strip("[<|>]").lower() == "mask"), None)
    return {"unk_token": unknown, "cls_token": token_before, "sep_token": token_after, "mask_token": mask}


def _around(processor: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The special tokens before and after a single text."""
    if processor.get("type") == "Sequence":
        pairs = [_around(part) for part in processor["processors"]]
        return next((pair for pair in pairs if any(pair)), (None, None))
    if processor.get("type") in ("BertProcessing", "RobertaProcessing"):
        return processor["cls"][0], processor["sep"][0]
    pieces = processor.get("single", ())
    text_place = next((place for place, piece in enumerate(pieces) if "Sequence" in piece), 0)
    tokens_before, tokens_after = (
        [piece["SpecialToken"]["id"] for piece in part] for part in (pieces[:text_place], pieces[text_place + 1 :])
    )
    return next(iter(tokens_before), None), next(iter(tokens_after), None)


def _content(value: Any) -> Any:
    """A token's text, which older files wrap with its settings."""
    return value.get("content") if isinstance(value, dict) else value
