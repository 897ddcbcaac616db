"""The part of a graph that turns token numbers into the padded arrays that a model takes."""

from tokenizers import Tokenizer

from encoders.text_encoder import TextEncoder
from export.bundle import Bundle
from export.from_text.graph_parts import GraphParts
from export.from_text.tokens import TokenRowsInGraph
from materials.errors import RequestError

ONNX_TYPES = {"int32": 6, "int64": 7}


def text_encoder_of(bundle: Bundle) -> TextEncoder:
    """The encoder of a bundle for texts. Raises TypeError for another bundle."""
    encoder = bundle.encoder()
    if not isinstance(encoder, TextEncoder):
        raise TypeError(f"expected a TextEncoder, got {type(encoder).__name__}")
    return encoder


def add_arrays(parts: GraphParts, encoder: TextEncoder, rows: TokenRowsInGraph) -> dict[str, str]:
    """Add the model's inputs, each (batch, longest row), as TextEncoder makes them; return their names by input."""
    # A row is special tokens, its text, special tokens again, padding. The graph computes for each place where to read
    # it: text from the flat array of all tokens, everything else from a small table of special tokens and padding.
    tokens_before, tokens_after = special_tokens(encoder.tokenizer)
    room = encoder.max_length_tokens - len(tokens_before) - len(tokens_after)
    text_lengths = parts.one("Min", rows.lengths, parts.constant([room]))
    row_lengths = parts.one(
        "Max",
        parts.one("Add", text_lengths, parts.constant([len(tokens_before) + len(tokens_after)])),
        parts.constant([1]),
    )
    text_lengths, row_lengths, starts = (
        parts.one("Unsqueeze", vector, parts.constant([1])) for vector in (text_lengths, row_lengths, rows.starts)
    )
    width = parts.one("ReduceMax", row_lengths, keepdims=0)
    places = parts.one("Range", parts.constant(0), width, parts.constant(1))
    is_token = parts.one("Less", places, row_lengths)
    text_places = parts.one("Sub", places, parts.constant([len(tokens_before)]))
    after_first = parts.one("GreaterOrEqual", text_places, parts.constant([0]))
    is_text = parts.one("And", after_first, parts.one("Less", text_places, text_lengths))
    zero, padding = parts.constant([0]), parts.constant([encoder.padding])
    from_text = parts.one("Where", is_text, parts.one("Add", starts, text_places), zero)
    # With padding behind the tokens, there is a number to gather even when no text of the batch has a token.
    numbers = parts.one("Gather", parts.one("Concat", rows.numbers, padding, axis=0), from_text)
    # The table is tokens before, tokens after, padding; the clip sends all places beyond the row to its padding.
    places_after = parts.one("Add", parts.one("Sub", text_places, text_lengths), parts.constant([len(tokens_before)]))
    table_places = parts.one("Where", after_first, places_after, places)
    table_places = parts.one(
        "Clip", table_places, parts.constant(0), parts.constant(len(tokens_before) + len(tokens_after))
    )
    other_numbers = parts.one("Gather", parts.constant([*tokens_before, *tokens_after, encoder.padding]), table_places)
    input_ids = parts.one("Where", is_text, numbers, other_numbers)
    arrays = {"input_ids": input_ids, "attention_mask": is_token, "token_type_ids": parts.one("Mul", input_ids, zero)}
    return {
        graph_input.name: parts.one("Cast", arrays[graph_input.name], to=ONNX_TYPES[graph_input.dtype])
        for graph_input in encoder.inputs
    }


def special_tokens(tokenizer: Tokenizer) -> tuple[list[int], list[int]]:
    """The numbers that the tokenizer puts before and after those of a text.

    Raises RequestError when it puts them elsewhere.
    """
    encoding = tokenizer.encode("a")
    mask = encoding.special_tokens_mask
    text_places = [number for number, is_special in enumerate(mask) if not is_special]
    if not text_places or text_places != list(range(text_places[0], text_places[-1] + 1)):
        raise RequestError("its post_processor has no operator; known: tokens before and after a text")
    return encoding.ids[: text_places[0]], encoding.ids[text_places[-1] + 1 :]
