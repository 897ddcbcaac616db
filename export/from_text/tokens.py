"""The part of a graph that turns texts into token numbers, for each kind of tokenizer that operators can replace."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from export.from_text.characters import read_character_rules
from export.from_text.graph_parts import CLASSICAL, EXTENSIONS, GraphParts
from export.from_text.words import add_words
from materials.errors import RequestError

PLAIN_BPE = {
    "dropout": None,
    "continuing_subword_prefix": "",
    "end_of_word_suffix": "",
    "byte_fallback": False,
    "ignore_merges": False,
}
INT64 = 7
BPE_NEEDS = ("<s>", "</s>", "<pad>", "<unk>")
BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}


@dataclass(frozen=True, kw_only=True)
class TokenRowsInGraph:
    """Names of int64 arrays: the numbers of all tokens, where each row starts among them, and how many it has."""

    numbers: str
    starts: str
    lengths: str


def add_tokens(parts: GraphParts, content: Mapping[str, Any], texts: str, longest: int) -> TokenRowsInGraph:
    """Add the tokens of texts, string (batch,), without special ones: at least the first `longest` of each row.

    `content` is that of tokenizer.json. Raises RequestError when a part of it has no operator.
    """
    kind = content["model"]["type"]
    if kind not in KINDS:
        raise RequestError(f"its model '{kind}' has no operator; known: {', '.join(KINDS)}")
    return KINDS[kind](parts, content, texts, longest)


def _word_level(parts: GraphParts, content: Mapping[str, Any], texts: str, longest: int) -> TokenRowsInGraph:
    words = add_words(parts, read_character_rules(content), texts)
    table, lengths = parts.add("StringSplit", words, maxsplit=longest, outputs=2)
    return TokenRowsInGraph(
        numbers=_numbers(parts, content["model"], parts.one("Reshape", table, parts.constant([-1]))),
        starts=_row_starts(parts, table),
        lengths=lengths,
    )


def _word_piece(parts: GraphParts, content: Mapping[str, Any], texts: str, longest: int) -> TokenRowsInGraph:
    model = content["model"]
    words = add_words(parts, read_character_rules(content), texts)
    table = parts.add("StringSplit", words, maxsplit=longest, outputs=2)[0]
    # After `longest` cuts, StringSplit leaves the rest of a text in one more column.
    table = parts.one("Slice", table, *(parts.constant([number]) for number in (0, longest, 1)))
    zero, flat = parts.constant([0]), parts.constant([-1])
    # The words are one flat list, so the operator's second input, where rows of words begin, is an empty slice.
    tokens, _, starts, ends = parts.add(
        "WordpieceTokenizer",
        parts.one("Reshape", table, flat),
        parts.one("Slice", zero, zero, zero),
        domain=EXTENSIONS,
        outputs=4,
        vocab=json.dumps(model["vocab"]),
        suffix_indicator=model["continuing_subword_prefix"],
        unknown_token=model["unk_token"],
        max_input_chars_per_word=model["max_input_chars_per_word"],
    )
    numbers, lengths = _whole_unknown_words(parts, model, _numbers(parts, model, tokens), starts, ends)
    lengths = parts.one("Reshape", lengths, parts.one("Shape", table), allowzero=1)
    lengths = parts.one("ReduceSum", lengths, parts.constant([1]), keepdims=0)
    return TokenRowsInGraph(
        numbers=numbers, starts=parts.one("CumSum", lengths, parts.constant(0), exclusive=1), lengths=lengths
    )


def _whole_unknown_words(
    parts: GraphParts, model: Mapping[str, Any], numbers: str, starts: str, ends: str
) -> tuple[str, str]:
    """The token numbers and the count of each word, where a word of which any part is unknown is one unknown token.

    The operator leaves the known parts before the unknown one; a word's tokens are those from its start to its end.
    """
    unknown, zero, one = parts.constant([model["vocab"][model["unk_token"]]]), parts.constant([0]), parts.constant([1])
    lengths = parts.one("Sub", ends, starts)
    # A number in front shifts the others by one, so that a word's end finds the number before it.
    last_numbers = parts.one("Gather", parts.one("Concat", zero, numbers, axis=0), ends)
    ends_unknown = parts.one("And", parts.one("Equal", last_numbers, unknown), parts.one("Greater", lengths, one))
    surplus = parts.one("Where", ends_unknown, parts.one("Sub", lengths, one), zero)
    marks = parts.one("Cast", ends_unknown, to=INT64)
    # +1 where the tokens to leave out begin and -1 behind them: the running sum is 0 exactly on the tokens to keep.
    changes = parts.one("Expand", zero, parts.one("Add", parts.one("Shape", numbers), one))
    changes = parts.one("ScatterElements", changes, starts, marks, reduction="add")
    first_kept = parts.one("Add", starts, surplus)
    changes = parts.one("ScatterElements", changes, first_kept, parts.one("Neg", marks), reduction="add")
    depths = parts.one("CumSum", changes, parts.constant(0))
    is_kept = parts.one("Equal", parts.one("Slice", depths, zero, parts.constant([-1])), zero)
    return parts.one("Compress", numbers, is_kept, axis=0), parts.one("Sub", lengths, surplus)


def _byte_pairs(parts: GraphParts, content: Mapping[str, Any], texts: str, longest: int) -> TokenRowsInGraph:
    model, pre_tokenizer = content["model"], content["pre_tokenizer"] or {"type": "none"}
    if content["normalizer"]:
        raise RequestError(f"its normalizer '{content['normalizer']['type']}' has no operator for BPE; known: none")
    if {**pre_tokenizer, **BYTE_LEVEL} != pre_tokenizer:
        raise RequestError(
            f"its pre_tokenizer '{pre_tokenizer['type']}' has no operator for BPE; known: ByteLevel as RoBERTa has it"
        )
    unusual_parts = [name for name, plain in PLAIN_BPE.items() if (model.get(name) or plain) != plain]
    unusual_parts += [name for name in BPE_NEEDS if name not in model["vocab"]]
    if unusual_parts:
        raise RequestError(
            f"its model BPE differs from RoBERTa's, which alone has an operator, in {', '.join(unusual_parts)}"
        )
    merges = "\n".join(pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"])
    vocabulary = json.dumps(model["vocab"])
    table, is_token = parts.add(
        "RobertaTokenizer", texts, domain=EXTENSIONS, outputs=2, vocab=vocabulary, merges=merges, padding_length=-1
    )
    lengths = parts.one("ReduceSum", is_token, parts.constant([1]), keepdims=0)
    # The operator puts <s> before and </s> after each text.
    first_tokens = parts.one("Add", _row_starts(parts, table), parts.constant([1]))
    return TokenRowsInGraph(
        numbers=parts.one("Reshape", table, parts.constant([-1])),
        starts=first_tokens,
        lengths=parts.one("Sub", lengths, parts.constant([2])),
    )


def _row_starts(parts: GraphParts, table: str) -> str:
    """Where the rows of a table start when it is laid out as one row."""
    shape = parts.one("Shape", table)
    rows, width = (parts.one("Gather", shape, parts.constant(axis)) for axis in (0, 1))
    return parts.one("Mul", parts.one("Range", parts.constant(0), rows, parts.constant(1)), width)


def _numbers(parts: GraphParts, model: Mapping[str, Any], tokens: str) -> str:
    vocabulary = model["vocab"]
    if model["unk_token"] not in vocabulary:
        raise RequestError(f"its model's vocabulary lacks the unknown token '{model['unk_token']}'")
    return parts.one(
        "LabelEncoder",
        tokens,
        domain=CLASSICAL,
        keys_strings=list(vocabulary),
        values_int64s=list(vocabulary.values()),
        default_int64=vocabulary[model["unk_token"]],
    )


KINDS: dict[str, Callable[[GraphParts, Mapping[str, Any], str, int], TokenRowsInGraph]] = {
    "WordLevel": _word_level,
    "WordPiece": _word_piece,
    "BPE": _byte_pairs,
}
