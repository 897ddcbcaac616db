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
