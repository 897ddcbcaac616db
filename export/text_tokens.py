"""The part of a graph that turns words into the padded arrays of token numbers that a model takes."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tokenizers import Tokenizer

from export.graph_parts import CLASSICAL, EXTENSIONS, GraphParts
from materials.errors import RequestError
from training.text_encoder import TextEncoder

ONNX_TYPES = {"int32": 6, "int64": 7}


@dataclass(frozen=True, kw_only=True)
class TokenRowsInGraph:
    """Names of int64 arrays: the numbers of all tokens, and where each row starts in them and how many it has."""

    numbers: str
    starts: str
    lengths: str


def add_tokens(parts: GraphParts, model: Mapping[str, Any], words: str, longest: int) -> TokenRowsInGraph:
    """The tokens of words parted by single spaces; of a row, at least the first `longest`.

    `model` is the part of tokenizer.json of that name. Raises RequestError for a kind that has no operator.
    """
    if model["type"] not in MODELS:
        raise RequestError(f"its model '{model['type']}' has no operator; known: {', '.join(MODELS)}")
    return MODELS[model["type"]](parts, model, words, longest)


def add_arrays(parts: GraphParts, encoder: TextEncoder, rows: TokenRowsInGraph) -> dict[str, str]:
    """The names of the model's inputs by input, each (batch, longest row), as TextEncoder.encode and pad make them."""
    first, last = special_tokens(encoder.tokenizer)
    room = encoder.max_length_tokens - len(first) - len(last)
    kept = parts.one("Min", rows.lengths, parts.constant([room]))
    total = parts.one("Max", parts.one("Add", kept, parts.constant([len(first) + len(last)])), parts.constant([1]))
    kept, total, starts = (parts.one("Unsqueeze", one, parts.constant([1])) for one in (kept, total, rows.starts))
    width = parts.one("ReduceMax", total, keepdims=0)
    places = parts.one("Range", parts.constant(0), width, parts.constant(1))
    is_token = parts.one("Less", places, total)
    inside = parts.one("Sub", places, parts.constant([len(first)]))
    after_first = parts.one("GreaterOrEqual", inside, parts.constant([0]))
    is_text = parts.one("And", after_first, parts.one("Less", inside, kept))
    nothing, padding = parts.constant([0]), parts.constant([encoder.padding])
    from_text = parts.one("Where", is_text, parts.one("Add", starts, inside), nothing)
    numbers = parts.one("Gather", parts.one("Concat", rows.numbers, padding, axis=0), from_text)
    place_after = parts.one("Add", parts.one("Sub", inside, kept), parts.constant([len(first)]))
    slot = parts.one("Where", after_first, place_after, places)
    slot = parts.one("Clip", slot, parts.constant(0), parts.constant(len(first) + len(last)))
    others = parts.one("Gather", parts.constant([*first, *last, encoder.padding]), slot)
    input_ids = parts.one("Where", is_text, numbers, others)
    made = {"input_ids": input_ids, "attention_mask": is_token, "token_type_ids": parts.one("Mul", input_ids, nothing)}
    return {one.name: parts.one("Cast", made[one.name], to=ONNX_TYPES[one.dtype]) for one in encoder.inputs}


def special_tokens(tokenizer: Tokenizer) -> tuple[list[int], list[int]]:
    """The numbers that the tokenizer puts before and after those of a text.

    Raises RequestError when it puts them elsewhere.
    """
    encoding = tokenizer.encode("a")
    mask = encoding.special_tokens_mask
    text = [number for number, special in enumerate(mask) if not special]
    if not text or text != list(range(text[0], text[-1] + 1)):
        raise RequestError("its post_processor has no operator; known: tokens before and after a text")
    return encoding.ids[: text[0]], encoding.ids[text[-1] + 1 :]


def _word_level(parts: GraphParts, model: Mapping[str, Any], words: str, longest: int) -> TokenRowsInGraph:
    table, lengths = parts.add("StringSplit", words, maxsplit=longest, outputs=2)
    shape = parts.one("Shape", table)
    rows, width = (parts.one("Gather", shape, parts.constant(axis)) for axis in (0, 1))
    row_numbers = parts.one("Range", parts.constant(0), rows, parts.constant(1))
    return TokenRowsInGraph(
        numbers=_numbers(parts, model, parts.one("Reshape", table, parts.constant([-1]))),
        starts=parts.one("Mul", row_numbers, width),
        lengths=lengths,
    )


def _word_piece(parts: GraphParts, model: Mapping[str, Any], words: str, longest: int) -> TokenRowsInGraph:
    one_row_a_text = parts.constant([0])
    tokens, _, starts, ends = parts.add(
        "WordpieceTokenizer",
        words,
        parts.one("Slice", one_row_a_text, one_row_a_text, one_row_a_text),
        domain=EXTENSIONS,
        outputs=4,
        vocab=json.dumps(model["vocab"]),
        suffix_indicator=model["continuing_subword_prefix"],
        unknown_token=model["unk_token"],
        max_input_chars_per_word=model["max_input_chars_per_word"],
    )
    return TokenRowsInGraph(
        numbers=_numbers(parts, model, tokens), starts=starts, lengths=parts.one("Sub", ends, starts)
    )


def _numbers(parts: GraphParts, model: Mapping[str, Any], tokens: str) -> str:
    vocabulary = model["vocab"]
    return parts.one(
        "LabelEncoder",
        tokens,
        domain=CLASSICAL,
        keys_strings=list(vocabulary),
        values_int64s=list(vocabulary.values()),
        default_int64=vocabulary[model["unk_token"]],
    )


MODELS: dict[str, Callable[[GraphParts, Mapping[str, Any], str, int], TokenRowsInGraph]] = {
    "WordLevel": _word_level,
    "WordPiece": _word_piece,
}
